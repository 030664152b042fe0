"""The tests of the adapter where verifiers is: it needs other versions than the rest."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.peers import verifiers_python

__all__ = ["verifiers_python"]


@pytest.mark.peers
@pytest.mark.timeout(1800)
def test_the_adapter_beside_verifiers(verifiers_python: Path, tmp_path: Path) -> None:
    line = [str(verifiers_python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}"]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    path = "tests/environment/test_verifiers.py"
    done = subprocess.run([*line, path], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
