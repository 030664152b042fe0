"""The command, from stored runs to tables: every figure is what one counts by hand, and what is missing is said."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from medgym_ray.config import TargetConfig
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.evaluate import figure
from medgym_ray.evaluate.__main__ import BootstrapConfig, EvaluateConfig, run
from medgym_ray.events import RunEnded, render
from medgym_ray.store.roots import root_at
from medgym_ray.store.shards import read_manifest
from medgym_ray.trajectory import Turn
from tests.evaluate.runs import keep, played, run_started
from tests.objects import BUCKET, make_bucket, s3_server, variables
from tests.records import make_failure
from tests.typed import typed

WEAK = {"f/1": [True, False], "f/2": [False, False], "g/1": [True, True]}
STRONG = {"f/1": [True, True], "f/2": [True, False], "g/1": [True, True]}


def _evaluate(target: Path, *runs: Path | str, **fields: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Every row of evaluation.parquet by (run, against, family, metric, k)."""
    names = [str(name) for name in runs]
    config = EvaluateConfig(
        run=names, output=TargetConfig(str(target)), bootstrap=BootstrapConfig(resamples=200), **fields
    )
    assert run(config) == 0
    rows = pq.read_table(target / "evaluation.parquet").to_pylist()
    return {tuple(row[key] for key in ("run", "against", "family", "metric", "k")): row for row in rows}


def _report(target: Path) -> str:
    return (target / "evaluation.md").read_text(encoding="utf-8")


def _cells(report: str, heading: str) -> list[list[str]]:
    """The rows of the table below a heading, its header first."""
    lines = report.partition(f"## {heading}\n\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in (lines[0], *lines[2:])]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """A weak and a strong run of two families."""
    weak = keep(tmp_path / "weak", played(WEAK, "w"), model="weak", rollouts=2)
    strong = keep(tmp_path / "strong", played(STRONG, "s"), model="strong", rollouts=2)
    assert isinstance(weak, Path)
    assert isinstance(strong, Path)
    return weak, strong


def test_two_runs_side_by_side(two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = _evaluate(tmp_path / "out", *two)
    values = {key: row["value"] for key, row in figures.items()}
    assert values["weak", None, "all", "success", None] == pytest.approx((0.5 + 0 + 1) / 3)
    assert values["weak", None, "all", "success_over_families", None] == pytest.approx((0.25 + 1) / 2)
    assert values["weak", None, "f", "success", None] == 0.25
    assert values["weak", None, "all", "pass@k", 1] == pytest.approx(0.5)
    assert values["weak", None, "all", "pass@k", 2] == pytest.approx(2 / 3)
    assert ("weak", None, "all", "pass@k", 3) not in values
    assert values["weak", None, "all", "reward_paper", None] == 1.0
    assert values["weak", None, "all", "termination:wrong", None] == pytest.approx(0.5)
    assert values["strong", None, "g", "termination:wrong", None] == 0.0
    assert values["strong", "weak", "all", "success", None] == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert values["strong", "weak", "all", "success_over_families", None] == pytest.approx((0.5 + 0) / 2)
    assert values["strong", "weak", "f", "pass@k", 2] == 0.5
    sure = figures["strong", None, "g", "success", None]
    assert (sure["interval"], sure["n_tasks"], sure["n_rollouts"]) == ("wilson", 1, 2)
    assert sure["low"] == pytest.approx(1 / (1 + 1.959964**2), abs=1e-6)
    assert all(row["low"] <= row["value"] <= row["high"] for row in figures.values() if row["interval"])
    assert all((row["low"] is None) == (row["interval"] is None) for row in figures.values())
    told = capsys.readouterr().out.splitlines()
    where = tmp_path / "out"
    assert (
        told[-1] == f"{where}: success weak 50.0% of 3 tasks; strong 83.3% of 3 tasks. Read {where / 'evaluation.md'}"
    )
    assert {path.name for path in where.iterdir()} == {
        *("evaluation.md", "evaluation.parquet", "per_task.parquet", "evaluation.svg", "evaluation.png")
    }
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")], "no draft is left"


def test_the_report_has_a_table_for_each_question(two: tuple[Path, Path], tmp_path: Path) -> None:
    _evaluate(tmp_path / "out", *two)
    report = _report(tmp_path / "out")
    headings = [line.removeprefix("## ") for line in report.splitlines() if line.startswith("## ")]
    assert headings == [
        *("All tasks", "Differences", "Success by family", "Reward by family", "pass@k", "How rollouts ended")
    ]
    header, weak, strong = _cells(report, "All tasks")
    assert header[:4] == ["run", "tasks", "rollouts", "success"]
    assert weak[:3] == ["weak", "3", "6"]
    assert strong[3].startswith("83.3% [")
    assert [row[:3] for row in _cells(report, "Differences")[1:]] == [
        *(["strong − weak", "all", "3"], ["strong − weak", "f", "2"], ["strong − weak", "g", "1"])
    ]
    assert _cells(report, "Differences")[1][3].startswith("+33.3% [")
    families = _cells(report, "Success by family")
    assert [row[0] for row in families] == ["family", "f", "g", "all"]
    assert families[2] == ["g", "100.0% [20.7, 100.0]† n=1", "100.0% [20.7, 100.0]† n=1"]
    assert _cells(report, "Reward by family")[1] == ["f", "0.250 / 1.000", "0.750 / 1.000"]
    assert _cells(report, "pass@k")[0] == ["run", "", "k = 1", "k = 2"]
    assert _cells(report, "How rollouts ended")[0] == ["run", "success", "wrong", "rollouts lost"]
    assert "incomplete" not in report
    for line in (line for line in report.splitlines() if line.startswith("| ")):
        assert line.endswith(" |")


def test_the_same_runs_make_the_same_files(two: tuple[Path, Path], tmp_path: Path) -> None:
    for name in ("one", "two"):
        _evaluate(tmp_path / name, *two)
    for name in ("evaluation.md", "evaluation.parquet", "per_task.parquet", "evaluation.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert (tmp_path / "one" / "evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_turns_tokens_cost_time_and_what_could_not_be_read(tmp_path: Path) -> None:
    counted = [
        Turn(prompt_tokens=10, completion_tokens=3, cost_usd=0.5, parse_error="no JSON"),
        Turn(prompt_tokens=15, completion_tokens=4, cost_usd=0.25),
    ]
    usual: dict[str, Any] = {"num_turns": 2, "wall_ms": 1500.0}
    rows = [
        *played({"f/1": [True]}, turns=counted, judge_cost_usd=0.25, flags=["constant_print"], **usual),
        *played({"f/2": [False]}, turns=[Turn(), Turn()], flags=["constant_print", "no_action"], **usual),
        *played({"f/3": [False]}, turns=[], num_turns=0, reward_paper=None),
    ]
    figures = _evaluate(tmp_path / "out", str(keep(tmp_path / "run", rows)))
    found = {metric: row for (_, _, family, metric, _), row in figures.items() if family == "f"}
    assert (found["prompt_tokens"]["value"], found["prompt_tokens"]["n_tasks"]) == (25, 1)
    assert found["completion_tokens"]["value"] == 7
    assert (found["cost_usd"]["value"], found["cost_usd_total"]["value"]) == (1.0, 1.0)
    assert found["turns"]["value"] == pytest.approx(4 / 3)
    assert found["wall_s"]["value"] == pytest.approx(1.0)
    assert found["parse_errors"]["value"] == pytest.approx(1 / 3)
    assert (found["reward_paper"]["value"], found["reward_paper"]["n_tasks"]) == (1.0, 2)
    assert found["flag:constant_print"]["value"] == pytest.approx(2 / 3)
    assert found["flag:no_action"]["value"] == pytest.approx(1 / 3)
    assert "judge_reward" not in found
    report = _report(tmp_path / "out")
    assert _cells(report, "All tasks")[0][-2:] == ["$ a rollout", "$ in all"]
    assert _cells(report, "Flags")[0] == ["run", "constant_print", "no_action"]


def test_best_at_k_by_a_verifiers_scores(two: tuple[Path, Path], tmp_path: Path) -> None:
    scores = tmp_path / "scores.jsonl"
    rows = played(WEAK, "w")
    lines = [{"trajectory_id": row.trajectory_id, "score": row.reward} for row in rows]
    scores.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    figures = _evaluate(tmp_path / "out", *two, verifier=str(scores))
    assert figures["weak", None, "all", "best@k", 2]["value"] == pytest.approx(2 / 3), "it knows what succeeded"
    assert figures["weak", None, "all", "best@k", 1]["value"] == pytest.approx(0.5)
    assert ("strong", None, "all", "best@k", 1) not in figures, "it has not seen this run"
    assert [row[:2] for row in _cells(_report(tmp_path / "out"), "pass@k")[1:]] == [
        *(["weak", "pass@k"], ["weak", "best@k"], ["strong", "pass@k"])
    ]
    scores.write_text(f"{json.dumps(lines[0])}\n")
    with pytest.raises(ConfigError, match="no score for 5 of 6 trajectories of weak, the first of task f/1; score all"):
        _evaluate(tmp_path / "again", *two, verifier=str(scores))
    scores.write_text('{"trajectory_id": "of another run", "score": 1}\n')
    with pytest.raises(ConfigError, match="it has a score for no trajectory of these runs"):
        _evaluate(tmp_path / "again", *two, verifier=str(scores))
    assert not (tmp_path / "again").exists()


def test_published_figures_stand_beside_ours_and_say_whose_they_are(two: tuple[Path, Path], tmp_path: Path) -> None:
    published = tmp_path / "published.csv"
    published.write_text(
        "family,model,value,source\nf,Big,0.25,Someone 2025\nall,Big,0.5,Someone 2025\nh,Big,1,Someone 2025\n"
    )
    figures = _evaluate(tmp_path / "out", *two, reference=str(published))
    assert figures["Big", None, "f", "success", None]["interval"] == "published"
    assert figures["Big", None, "f", "success", None]["source"] == "Someone 2025"
    header, f, g, h, of_all = _cells(_report(tmp_path / "out"), "Success by family")
    assert header[-1] == "Big, as published, other scorer: Someone 2025"
    assert [row[-1] for row in (f, g, of_all)] == ["25.0%", "–", "50.0%"]
    assert h == ["h", "–", "–", "100.0%"], "a family that no run has"


def test_runs_of_one_model_are_told_apart(tmp_path: Path) -> None:
    names = ["a/base", "a/tuned", "b/base"]
    runs = [str(keep(tmp_path / name, played(STRONG, name))) for name in names]
    other = str(keep(tmp_path / "other", played(STRONG, "o"), model="other"))
    figures = _evaluate(tmp_path / "out", *runs, other)
    assert {run for run, *_ in figures} == {"toy (base) #1", "toy (tuned)", "toy (base) #2", "other"}
    figures = _evaluate(tmp_path / "named", *runs[:2], labels=["before", "after"])
    assert {run for run, *_ in figures} == {"before", "after"}


def test_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = played({"f/1": [True] * 4, "f/2": [True, False], "f/3": [False] * 4})
    lost = [
        make_failure("x" * 32, task_id="f/2", rollout_index=2, attempt=attempt, error_class="PolicyError", final=True)
        for attempt in range(3)
    ]
    mended = make_failure(rows[0].trajectory_id, task_id="f/1", rollout_index=0)
    run_dir = keep(tmp_path / "run", rows, rollouts=4, failures=[*lost, mended])
    figures = _evaluate(tmp_path / "out", str(run_dir))
    report = _report(tmp_path / "out")
    assert "- toy: tasks have 2 to 4 rollouts; pass@k of all tasks is told for k ≤ 2." in report
    assert "- toy is incomplete: 10 of 12 trajectories are there; 1 of 3 tasks have fewer than 4 rollouts." in report
    assert "- toy: 1 rollouts were lost through failures of ours; they are in no figure." in report
    assert _cells(report, "How rollouts ended")[0][-3:] == [
        *("rollouts lost", "failed: PolicyError", "failed: SandboxError")
    ]
    assert _cells(report, "How rollouts ended")[1][-3:] == ["1", "3", "1"]
    assert figures["toy", None, "f", "success", None]["value"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert "toy is incomplete" in capsys.readouterr().err


def test_a_run_that_was_stopped_before_some_tasks_began_is_incomplete(tmp_path: Path) -> None:
    ended = RunEnded(outcome="stopped", requested=5, done=2, dropped=1, failed=0, missing=2)
    events = [run_started(2, 1), run_started(5, 1), ended]
    run_dir = keep(tmp_path / "run", played({"f/1": [True], "f/2": [False]}), events=events)
    assert isinstance(run_dir, Path)
    with (run_dir / "events.jsonl").open("a") as lines:
        lines.write('[]\n{"event": "run_star')  # a crash leaves half a line
    _evaluate(tmp_path / "out", str(run_dir))
    assert "- toy is incomplete: 2 of 4 trajectories are there; 2 of 5 tasks" in _report(tmp_path / "out")


def test_adaptive_sampling_is_named_and_not_incomplete(tmp_path: Path) -> None:
    run_dir = keep(tmp_path / "run", played({"f/1": [True, False], "f/2": [False] * 4}), rollouts=8, pairs=1)
    _evaluate(tmp_path / "out", str(run_dir))
    report = _report(tmp_path / "out")
    assert "- toy was sampled adaptively (sampling.pairs)" in report
    assert "incomplete" not in report


def test_every_rollout_counts_once(tmp_path: Path) -> None:
    rows = played({"f/1": [True, False]}) + played({"f/1": [False]}, "copied")
    figures = _evaluate(tmp_path / "out", str(keep(tmp_path / "run", rows, rollouts=2)))
    assert figures["toy", None, "f", "success", None]["value"] == 0.5
    assert figures["toy", None, "f", "success", None]["n_rollouts"] == 2
    assert "1 rows repeat a rollout of a task" in _report(tmp_path / "out")


def test_runs_of_other_tasks_are_compared_on_those_they_share(tmp_path: Path) -> None:
    shas = [json.dumps({"task_sha256": digit * 8}) for digit in "ab"]
    a = [
        *played({"f/1": [False], "f/2": [True]}, "a", provenance=shas[0]),
        *played({"f/3": [True], "h/1": [True]}, "a", restricted=True, scorer_version="2"),
    ]
    b = [
        *played({"f/1": [True]}, "b", provenance=shas[0]),
        *played({"f/2": [False], "f/9": [True]}, "b", provenance=shas[1]),
    ]
    runs = [str(keep(tmp_path / "a", a, model="a")), str(keep(tmp_path / "b", b, model="b"))]
    figures = _evaluate(tmp_path / "out", *runs)
    difference = figures["b", "a", "all", "success", None]
    assert (difference["value"], difference["n_tasks"]) == (1.0, 1), "f/2 is another task in b"
    report = _report(tmp_path / "out")
    assert "- 1 of 3 tasks of b are not in a: f/9." in report
    assert "- 2 of 4 tasks of a are not in b: 1 of f, 1 of h." in report, "restricted tasks are counted, not named"
    assert "- 1 tasks have the same id in b and a, but another record: they are not compared." in report
    assert "- Scored by several versions of a scorer: f (1, 2); medgym_ray.rescore scores them alike." in report
    assert "- Restricted: f, h. per_task.parquet names single tasks" in report
    tasks = pq.read_table(tmp_path / "out" / "per_task.parquet").to_pylist()
    assert [(row["run"], row["task_id"], row["restricted"]) for row in tasks[:4]] == [
        *(("a", "f/1", False), ("a", "f/2", False), ("a", "f/3", True), ("a", "h/1", True))
    ]
    assert tasks[1]["rollouts"] == tasks[1]["successes"] == 1


def test_runs_without_a_common_task_are_not_compared(tmp_path: Path) -> None:
    runs = [str(keep(tmp_path / name, played({f"{name}/1": [True]}), model=name)) for name in "ab"]
    figures = _evaluate(tmp_path / "out", *runs)
    assert not [key for key in figures if key[1] is not None]
    assert _cells(_report(tmp_path / "out"), "Differences")[1] == ["b − a", "all", "0", "–", "–"]


def test_settings_and_versions_that_differ_are_named(tmp_path: Path) -> None:
    cool = keep(tmp_path / "cool", played(WEAK), model="cool", temperature=0.5, rollouts=2)
    hot = keep(tmp_path / "hot", played(WEAK, schema_version="0"), model="hot", rollouts=2)
    _evaluate(tmp_path / "out", str(cool), str(hot))
    report = _report(tmp_path / "out")
    assert "- The runs differ in more than the model: sampling.temperature (cool: 0.5, hot: 1.0)." in report
    assert "- The records are of several versions of the schema: 0, 1." in report


def test_names_from_others_stay_text(tmp_path: Path) -> None:
    hostile = "<script>a|b</script> [x](http://y) $\\frac{1}$ *"
    rows = played({f"{hostile}/1": [True]}, family=hostile)
    _evaluate(tmp_path / "out", str(keep(tmp_path / "run", rows)), labels=[hostile])
    report = _report(tmp_path / "out")
    assert "<script>" not in report
    assert "](http" not in report
    assert len({line.replace("\\|", "").count("|") for line in _table(report, "Success by family")}) == 1
    assert "<script>" not in (tmp_path / "out" / figure.SVG).read_text()


def _table(report: str, heading: str) -> list[str]:
    return report.partition(f"## {heading}\n\n")[2].partition("\n\n")[0].splitlines()


def test_without_matplotlib_there_are_tables_and_a_line(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figure, "available", lambda: False)
    _evaluate(tmp_path / "out", *two)
    assert not (tmp_path / "out" / figure.SVG).exists()
    assert (tmp_path / "out" / "evaluation.md").exists()
    assert "no figure, for matplotlib is not installed: pip install 'medgym-ray[evaluate]'" in capsys.readouterr().err


def test_what_cannot_be_written_leaves_nothing(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure, "draw", full)
    with pytest.raises(StorageError, match="out: No space left on device"):
        _evaluate(tmp_path / "out", *two)
    assert {path.name for path in tmp_path.iterdir()} == {"weak", "strong"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"bootstrap": BootstrapConfig(resamples=10)}, "bootstrap.resamples=10: too few for an interval"),
        ({"bootstrap": BootstrapConfig(confidence=95)}, "bootstrap.confidence=95: give a share"),
        ({"bootstrap": BootstrapConfig(seed=-1)}, "bootstrap.seed=-1: give 0 or more"),
        ({"run": []}, r"run is empty; give run=DIR, or several as run=\[A,B\]"),
        ({"run": [""]}, "run is empty"),
        ({"run": ["nowhere"]}, "run=nowhere: no run is there"),
        ({"run": ["gs://bucket/run"]}, "run=gs://…: give a directory or s3://BUCKET/PREFIX"),
        ({"run": ["weak", "strong", "../{}/weak"]}, "weak is given twice; give each run once"),
        ({"labels": ["one"]}, "labels: 1 for 2 runs; give one for each"),
        ({"labels": ["one", " "]}, "labels: one is empty"),
        ({"labels": ["one", "one"]}, "labels: 'one' is given twice"),
        ({"output": TargetConfig("weak")}, "output.dir=weak is there already"),
        ({"output": TargetConfig("")}, "output.dir is empty"),
        (
            {"output": TargetConfig("s3://bucket/out")},
            "output.dir=s3://bucket/out: what this command makes lies on this",
        ),
        ({"verifier": "nowhere.jsonl"}, "verifier=nowhere.jsonl: No such file"),
        ({"reference": "nowhere.csv"}, "reference=nowhere.csv: No such file"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    usual = {"run": ["weak", "strong"], "output": TargetConfig("out")} | fields
    usual["run"] = [name.format(tmp_path.name) for name in usual["run"]]
    with pytest.raises(ConfigError, match=told):
        run(EvaluateConfig(**usual))
    assert not (tmp_path / "out").exists()


def test_a_run_that_cannot_be_read_is_named(two: tuple[Path, Path], tmp_path: Path) -> None:
    empty = keep(tmp_path / "empty", [], failures=[make_failure("f" * 32)])
    with pytest.raises(ConfigError, match="empty: no trajectories are there yet; give a run that has some"):
        _evaluate(tmp_path / "out", str(empty))
    shard = two[0] / read_manifest(two[0])[0].shard
    content = shard.read_bytes()
    pq.write_table(pq.read_table(shard).drop_columns("protocol"), shard)
    with pytest.raises(ConfigError, match="its columns are those of another version of medgym_ray"):
        _evaluate(tmp_path / "out", *two)
    shard.write_bytes(content[:-20])
    with pytest.raises(ConfigError, match=r"part-.*parquet: cannot be read .*; restore it from a copy"):
        _evaluate(tmp_path / "out", *two)
    shard.unlink()
    with pytest.raises(ConfigError, match="listed in the manifest but not there"):
        _evaluate(tmp_path / "out", *two)
    (two[1] / "run.yaml").write_text("identity: {}\nconfig: {}\nversions: {}\n")
    with pytest.raises(ConfigError, match=r"run\.yaml: not the configuration of a run"):
        _evaluate(tmp_path / "out", two[1])
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """The variables by which a bucket is found."""
    with s3_server() as (address, _):
        make_bucket(address)
        yield variables(address)


def test_a_run_in_a_bucket(bucket: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    name = f"s3://{BUCKET}/runs/one"
    root = root_at(name)
    assert not isinstance(root, Path)
    keep(root, played(WEAK), rollouts=2)
    root.write("events-20260102T030405.000000Z.jsonl", render(run_started(4, 2)).decode() + "\n")
    figures = _evaluate(tmp_path / "out", name)
    assert figures["toy", None, "all", "success", None]["value"] == pytest.approx(0.5)
    assert "toy is incomplete: 6 of 8 trajectories" in _report(tmp_path / "out")


def _typed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed(folder, "evaluate", *arguments)


def test_as_it_is_typed(two: tuple[Path, Path], tmp_path: Path) -> None:
    done = _typed(tmp_path, "run=[weak,strong]", "labels=[before,after]", "output.dir=deep/out")
    assert done.returncode == 0, done.stderr
    assert "before 50.0% of 3 tasks; after 83.3% of 3 tasks" in done.stdout.splitlines()[-1]
    refused = _typed(tmp_path, "run=[weak,nowhere]", "output.dir=other")
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line == "medgym_ray: run=nowhere: no run is there (it would hold run.yaml and manifest.jsonl)"
    assert not (tmp_path / "other").exists()
