"""`python -m medgym_ray.audit`: what it writes, how it ends, and the parts that need no sandbox."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medgym_ray.audit.__main__ import AuditConfig, ReportConfig, run
from medgym_ray.audit.cases import CaseKind, is_hollow
from medgym_ray.audit.constants import candidates
from medgym_ray.audit.published import PUBLISHED
from medgym_ray.audit.runner import Run
from medgym_ray.config import SandboxConfig, TasksConfig
from medgym_ray.errors import ConfigError
from medgym_ray.tasks.base import Submission, Task
from medgym_ray.tasks.registry import FAMILIES
from tests.conftest import REPOSITORY
from tests.families import ToyFamily, true_score


def test_what_is_hollow() -> None:
    for code in ("", "# nothing", "pass", "'text'", "...", "import sys; sys.exit(0)", "raise SystemExit", "x ="):
        assert is_hollow(code), code
    for code in ("answer = 0", "print(0)", "raise ValueError"):
        assert not is_hollow(code), code


def test_candidates_are_the_golds_the_usual_ones_and_what_cheats_state() -> None:
    golds = [Run(f"f/{n}", CaseKind.ORACLE, "c", success=True, answer=str(n % 150)) for n in range(200)]
    guesses = [Run("f/1", CaseKind.CHEAT, "1", answer=answer) for answer in ("0.8", "[1, 2]", None)]
    tried = candidates([*golds, *guesses])
    assert {"0", "1", "true", "false", "null", "0.8"} <= set(tried)
    assert "[1, 2]" not in tried
    assert {str(n) for n in range(32)} <= set(tried), "the most frequent"
    assert 60 <= len(tried) <= 75
    assert any(int(n) > 140 for n in tried if n.isdigit()), "the rest is sampled over its whole range"


def test_the_published_figures_are_of_all_families() -> None:
    assert set(FAMILIES) <= set(PUBLISHED)
    assert len(PUBLISHED) == 12


def _config(folder: Path, *families: str) -> AuditConfig:
    return AuditConfig(
        tasks=TasksConfig(families=list(families), limit=2, root=None),
        sandbox=SandboxConfig(kind="namespace", concurrency=4),
        output=ReportConfig(str(folder)),
    )


def _pays_print_0(task: Task, submission: Submission) -> float:
    return float(submission.stdout == "0\n") or true_score(task, submission)


def test_a_scorer_that_pays_print_0_ends_the_command_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(ToyFamily):
        def __init__(self) -> None:
            super().__init__(_pays_print_0)

    monkeypatch.setitem(FAMILIES, "toy", Broken)
    assert run(_config(tmp_path, "toy")) == 1
    assert "cheat 2 (print(0)): a program without an answer must earn nothing" in capsys.readouterr().out
    written = json.loads((tmp_path / "audit.json").read_text())
    assert {v["case"] for v in written["violations"]} == {"cheat 2 (print(0))"}
    assert "## Bounds broken: 3" in (tmp_path / "audit.md").read_text(), "two tasks, and the cheat as a whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.json", "audit.md"], "no temporary file is left"


def _command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "medgym_ray.audit", *arguments]
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=200, check=False)


def test_the_command_on_the_sample(tmp_path: Path) -> None:
    names = ("biocoder", "medcalcbench", "npowerai")
    families = f"tasks.families=[{','.join(names)}]"
    ended = _command(families, "tasks.limit=2", f"output.dir={tmp_path}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.strip().splitlines()[-1].startswith(f"{tmp_path}: 3 families, 6 tasks, ")
    written = json.loads((tmp_path / "audit.json").read_text())
    assert tuple(family["name"] for family in written["families"]) == names
    for family in written["families"]:
        (oracle,) = (case for case in family["cases"] if case["kind"] == "oracle")
        assert (oracle["runs"], oracle["accepted"]) == (2, 2)
        assert family["original"]["best_cheat"] == PUBLISHED[family["name"]].best_cheat


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("tasks=medcalc", "did you mean 'medcalcbench'?"),
        ("tasks.limit=0", "tasks.limit=0: must be above 0"),
    ],
)
def test_what_cannot_be_used_is_one_line(argument: str, told: str) -> None:
    ended = _command(argument)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("medgym_ray: ")
    assert told in line


@pytest.mark.parametrize(
    ("folder", "root", "told"),
    [
        (" ", None, "output.dir is empty"),
        ("/proc/there", None, "output.dir=/proc/there: cannot write there"),
        ("/tmp", "/not/there", "tasks.root=/not/there: no such directory"),
    ],
)
def test_what_the_command_refuses(folder: str, root: str | None, told: str) -> None:
    config = _config(Path(), "npowerai")
    config.output.dir, config.tasks.root = folder, root
    with pytest.raises(ConfigError, match=told):
        run(config)
