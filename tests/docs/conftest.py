"""The documentation's own extension, and the place where its commands are typed."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.typed import clean_environment

sys.path.insert(0, str(REPOSITORY / "docs" / "_ext"))


@pytest.fixture
def shell(example_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment of a reader: a fresh directory with the checkout's data, this Python, the example installed."""
    monkeypatch.chdir(tmp_path)
    for name in ("data", "examples"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    return clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{REPOSITORY}:{example_site}",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(tmp_path / ".datasets"),
        "COLUMNS": "200",
    }
