"""What the doctor says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medgym_ray import doctor
from medgym_ray.sandboxes import bubblewrap
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
    assert "1,047" in lines["medcalcbench"]


def test_tasks_are_counted_beside_the_paper_s() -> None:
    seen = _doctor("tasks.families=[npowerai,biocoder]", DOCKER_HOST="unix:///nowhere.sock")
    assert seen.returncode == 0, seen.stderr
    assert "Tasks in the bundled sample" in seen.stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in seen.stdout.splitlines() if "│" in line]
    assert [row for row in rows if row[0] in {"npowerai", "biocoder"}] == [
        ["npowerai", "train", "192", "960", "", ""],
        ["npowerai", "test", "96", "240", "", ""],
        ["biocoder", "train", "22", "981", "", ""],
        ["biocoder", "test", "43", "157", "", ""],
    ]


def test_a_root_that_is_not_there_is_one_line() -> None:
    seen = _doctor("tasks.root=/not/there")
    assert seen.returncode == 2
    assert seen.stderr.strip() == "medgym_ray: tasks.root=/not/there: no such directory"


def test_each_sandbox_s_parts_are_told() -> None:
    seen = _doctor(DOCKER_HOST="unix:///nowhere.sock")
    lines = {line.split("│")[1].strip(): line for line in seen.stdout.splitlines() if line.startswith("│")}
    assert "python -m medgym_ray.sandboxes.image" in lines["Docker image"]
    assert "no sandbox.runtime=runsc" in lines["gVisor"]
    for part in ("user namespaces", "control groups"):
        assert "ordinary users may" in lines[part] or "limits are hard" in lines[part] or "missing" in lines[part]


def test_the_switch_is_in_the_help() -> None:
    seen = _doctor("--help")
    assert seen.returncode == 0, seen.stderr
    assert "[--clean]" in seen.stdout
    assert "clean=false" in seen.stdout


def test_cleaning_says_what_it_removed_and_what_it_could_not_look_at(tmp_path: Path) -> None:
    cache = tmp_path / "medgym_ray"
    (cache / "sandbox-env-1.abc").mkdir(parents=True)
    (cache / "sandbox-env-1.lock").touch()
    scratch = tmp_path / "medgym-sandbox-1-abc"
    scratch.mkdir()
    (scratch / "lock").touch()
    env = {"XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path), "DOCKER_HOST": "unix:///nowhere.sock"}
    for switch in ("--clean", "clean=true"):
        seen = _doctor(switch, **env)
        assert (seen.returncode, seen.stderr) == (0, "")
        assert "Docker does not answer, containers were not looked at" in seen.stdout
        assert "Tasks in" not in seen.stdout
        if switch == "--clean":
            assert f"removed half-built {cache / 'sandbox-env-1.abc'}\n" in seen.stdout
            assert f"removed scratch directory {scratch}\n" in seen.stdout
        else:
            assert str(tmp_path) not in seen.stdout


def test_other_dashes_are_still_explained() -> None:
    seen = _doctor("--cleanup")
    assert (seen.returncode, seen.stderr) == (
        2,
        "medgym_ray: no flag called '--cleanup' (did you mean '--clean'?); --help lists them\n",
    )


def test_a_gone_user_namespace_names_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    setting = tmp_path / "setting"
    setting.write_text("0\n")
    monkeypatch.setattr(bubblewrap, "_REFUSALS", ((str(setting), "0", "user.max_user_namespaces=10000"),))

    def refused(flags: int) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(bubblewrap.kernel, "unshare", refused)
    found = doctor._user_namespaces()
    assert found.found is None
    assert "no sandbox=namespace" in found.cost
    assert "set user.max_user_namespaces=10000" in found.cost


def test_no_control_groups_cost_hard_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.Groups, "find", lambda: None)
    found = doctor._control_groups()
    assert found.found is None
    assert "overshoot" in found.cost
