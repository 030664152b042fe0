"""A step is run once, told as a user would type it, and kept in the ledger."""

import json
from pathlib import Path

import pytest

from medgym_ray.errors import ConfigError, StepFailed, StorageError
from medgym_ray.loop.steps import Step, Steps
from tests.export.runs import rollout, write_run


def _failures_only(folder: Path) -> Path:
    return write_run(folder, [rollout(1, "a", ["x"], success=False)])


def test_a_step_is_run_once_whatever_becomes_of_the_loop(tmp_path: Path) -> None:
    told: list[str] = []
    step = Step("listed", "models", (), tmp_path / "nothing", resumes=True)
    assert Steps(tmp_path, told.append).do(step)
    assert told[0] == "listed: python -m medgym_ray.models"
    assert len(told) == 2
    rows = [json.loads(line) for line in (tmp_path / "loop.jsonl").read_text().splitlines()]
    assert [(row["step"], row["command"], row["code"]) for row in rows] == [
        ("listed", "python -m medgym_ray.models", 0)
    ]

    with (tmp_path / "loop.jsonl").open("a") as ledger:
        ledger.write('{"step": "cut in the mid')
    again = Steps(tmp_path, told.append)
    assert again.do(step)
    assert len(told) == 2
    with pytest.raises(ConfigError, match="listed was done by another command"):
        again.do(Step("listed", "models", ("model=qwen7b",), tmp_path / "nothing", resumes=True))


def test_a_step_that_fails_ends_the_loop_with_its_own_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    step = Step("sft/export", "export", ("run=nowhere", "view=sft", f"output.dir={out}"), out, resumes=False)
    with pytest.raises(StepFailed, match=r"sft/export ended with 2: medgym_ray: run=nowhere: no run is there"):
        Steps(tmp_path, lambda line: None).do(step)
    assert not (tmp_path / "loop.jsonl").exists()
    assert "run=nowhere" in (tmp_path / "logs" / "sft-export.log").read_text()


def test_nothing_to_export_is_told_and_remembered_and_is_no_failure(tmp_path: Path) -> None:
    run = _failures_only(tmp_path / "run")
    out = tmp_path / "out"
    step = Step("round-1/export", "export", (f"run={run}", "view=sft", f"output.dir={out}"), out, resumes=False)
    told: list[str] = []
    assert not Steps(tmp_path, told.append).do(step)
    assert "none of 1 trajectories is left for sft" in told[1]
    assert not Steps(tmp_path, told.append).do(step)
    assert len(told) == 2


def test_what_a_crash_left_of_a_step_is_made_again(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [rollout(1, "a", ["x"], success=True)])
    out = tmp_path / "out"
    out.mkdir()
    (out / "half").write_text("")
    words = (f"run={run}", "view=sft", f"output.dir={out}", "split.validation=0")
    assert Steps(tmp_path, lambda line: None).do(Step("export", "export", words, out, resumes=False))
    assert (out / "data").is_dir()
    assert not (out / "half").exists()


def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop.jsonl").write_text('{"step": 1}\n')
    with pytest.raises(StorageError, match=r"loop\.jsonl:1: not a line of a loop"):
        Steps(tmp_path, lambda line: None)
