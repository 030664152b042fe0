"""What the doctor says."""

import os
import subprocess
import sys

from tests.conftest import REPOSITORY


def _doctor(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "medgym_ray.doctor", "cluster.address=local", *arguments]
    variables = {**os.environ, "COLUMNS": "200", **env}
    return subprocess.run(
        command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_counts_the_sample_and_says_what_a_missing_part_costs() -> None:
    seen = _doctor(DOCKER_HOST="unix:///nowhere.sock")
    assert seen.returncode == 0, seen.stderr
    lines = {line.split("│")[1].strip(): line for line in seen.stdout.splitlines() if line.startswith("│")}
    assert "missing" in lines["Docker"]
    assert "no sandbox=docker" in lines["Docker"]
    for part in ("Python", "Ray", "GPU here", "vLLM", "bubblewrap", "Ray cluster"):
        assert part in lines
    assert "260" in lines["medcalcbench"]
    assert "1,047" in lines["medcalcbench"]


def test_a_root_that_is_not_there_is_one_line() -> None:
    seen = _doctor("tasks.root=/not/there")
    assert seen.returncode == 2
    assert seen.stderr.strip() == "medgym_ray: tasks.root=/not/there: no such directory"
