"""The command: filters, split, files, card; what cannot be exported leaves nothing."""

import asyncio
import dataclasses
import itertools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.errors import ConfigError, ExportError, StorageError
from medgym_ray.export import files
from medgym_ray.export.views.registry import VIEWS
from medgym_ray.store.layout import TRAJECTORIES, Part
from medgym_ray.store.log import WriteAheadLog
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Trajectory, to_batch
from tests.export.runs import export, load, rollout, write_run
from tests.typed import typed

PROPERTY = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

_REPLIES = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=3)
_ROLLOUTS = st.lists(
    st.tuples(st.sampled_from("abcd"), _REPLIES, st.booleans(), st.booleans()), min_size=1, max_size=12
)
Made = list[tuple[str, list[str], bool, bool]]


def _made(rollouts: Made) -> list[Trajectory]:
    """Rewards are not only 0 and 1, and say nothing of success by themselves."""
    return [
        rollout(n, task, replies, success=success, restricted=restricted, reward=(1 + n % 3) / 4 + success)
        for n, (task, replies, success, restricted) in enumerate(rollouts)
    ]


def _try(runs: Path, view: str, target: Path, **settings_: Any) -> list[dict[str, Any]]:
    try:
        return load(export(runs, view, target, **settings_))
    except ExportError:
        assert not target.exists()
        return []


@PROPERTY
@given(_ROLLOUTS)
def test_chosen_is_better_than_rejected_of_the_same_prompt(rollouts: Made) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = _made(rollouts)
        stored = write_run(Path(folder) / "run", made, shard_bytes=1 << 20)
        by_id = {trajectory.trajectory_id: trajectory for trajectory in made}
        for view in ("dpo", "dpo_turn"):
            rows = _try(stored, view, Path(folder) / view, restricted=True, pairs=3)
            per_prompt: dict[str, int] = {}
            for row in rows:
                chosen, rejected = by_id[row["chosen_id"]], by_id[row["rejected_id"]]
                assert chosen.task_id == rejected.task_id == row["task_id"]
                for side, messages in (("chosen", chosen.messages), ("rejected", rejected.messages)):
                    whole = row["prompt"] + row[side]
                    assert whole == messages[: len(whole)]
                assert row["chosen"] != row["rejected"]
                assert (chosen.success, rejected.success) == (True, False)
                prompt = str(row["prompt"])
                per_prompt[prompt] = per_prompt.get(prompt, 0) + 1
                if view == "dpo":
                    assert row["chosen_reward"] > row["rejected_reward"]
                else:
                    assert len(row["chosen"]) == len(row["rejected"]) == 1
                    went_on = [
                        t for t in made if t.messages[: len(row["prompt"]) + 1] == row["prompt"] + row["rejected"]
                    ]
                    assert went_on
                    assert not any(t.success for t in went_on), "the rejected reply never led to a success"
            assert all(count <= 3 for count in per_prompt.values())
            pairs = [(row["chosen_id"], row["rejected_id"], len(row["prompt"])) for row in rows]
            assert len(set(pairs)) == len(pairs)


@PROPERTY
@given(_ROLLOUTS, st.floats(0.1, 0.9), st.integers(0, 9))
def test_a_task_is_on_one_side_and_stays_there(rollouts: Made, share: float, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sides: list[dict[str, str]] = []
        for size in (len(rollouts), len(rollouts) + 4):
            grown = [*rollouts, *((task, ["w"], True, False) for task in "abcd")][:size]
            stored = write_run(Path(folder) / f"run-{size}", _made(grown), shard_bytes=1 << 20)
            found: dict[str, str] = {}
            target = Path(folder) / f"out-{size}"
            if not _try(stored, "verifier", target, restricted=True, validation=share, seed=seed):
                return  # all tasks fall to validation
            for file in (target / "data").iterdir():
                side = file.name.partition("-")[0]
                for row in load(target, side):
                    assert found.setdefault(row["task_id"], side) == side
            sides.append(found)
        before, after = sides
        assert before.items() <= after.items()


@PROPERTY
@given(_ROLLOUTS)
def test_a_conversation_is_there_once_and_of_all_that_are_different_none_is_lost(rollouts: Made) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = _made(rollouts)
        stored = write_run(Path(folder) / "run", made, shard_bytes=1 << 20)
        rows = load(export(stored, "verifier", Path(folder) / "out", restricted=True))
        seen = [(row["task_id"], str(row["messages"])) for row in rows]
        assert len(set(seen)) == len(seen)
        assert set(seen) == {(each.task_id, str(each.messages)) for each in made}
        kept = {row["trajectory_id"] for row in rows}
        again = write_run(Path(folder) / "again", [each for each in made if each.trajectory_id in kept])
        assert load(export(again, "verifier", Path(folder) / "out-again", restricted=True)) == rows
        assert len(load(export(stored, "verifier", Path(folder) / "all", restricted=True, dedup=False))) == len(made)


@PROPERTY
@given(_ROLLOUTS, st.sampled_from(sorted(VIEWS)))
def test_no_restricted_row_unless_asked(rollouts: Made, view: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = _made(rollouts)
        stored = write_run(Path(folder) / "run", made, shard_bytes=1 << 20)
        rows = _try(stored, view, Path(folder) / "out")
        assert not any(row["restricted"] for row in rows)
        patients = {each.trajectory_id for each in made if each.restricted}
        assert not patients & {row.get(key) for row in rows for key in ("trajectory_id", "chosen_id", "rejected_id")}


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_the_same_run_and_settings_give_the_same_bytes(view: str, tmp_path: Path) -> None:
    made = [rollout(n, "abcdefgh"[n % 8], [f"x{n % 3}", f"y{n % 5}"], success=n % 3 > 0) for n in range(60)]
    first, second = write_run(tmp_path / "one", made[:40]), write_run(tmp_path / "two", made[40:], key="two")
    given_ = {"validation": 0.3, "seed": 1}
    one = _bytes(export([first, second], view, tmp_path / "a", **given_))
    assert "data/validation-00000.parquet" in one
    assert _bytes(export([first, second], view, tmp_path / "b", **given_)) == one


def test_the_best_of_a_task_are_kept(tmp_path: Path) -> None:
    made = [
        rollout(0, "a", ["x", "long"], success=True),
        rollout(1, "a", ["y"], success=True),
        rollout(2, "a", ["z"], success=True, reward=2.0),
        rollout(3, "b", ["x"], success=True, reward=0.5),
    ]
    stored = write_run(tmp_path / "run", made)
    rows = load(export(stored, "sft", tmp_path / "out", best_of=2))
    assert [row["trajectory_id"] for row in rows] == [made[n].trajectory_id for n in (1, 2, 3)]


FILTERED = [
    rollout(0, "a", ["x"], success=True),
    rollout(1, "a", ["y"], success=True, flags=["constant_print", "repeated_action"]),
    rollout(2, "a", ["z", "z"], success=False, termination="max_turns", family="g"),
    rollout(3, "b", ["v"], success=False, token_ids=None, loss_mask=None),
    rollout(4, "b", ["u"], success=False, termination="policy_error"),
    rollout(5, "b", [], success=False, termination="deadline"),
]


@pytest.mark.parametrize(
    ("filters", "left", "name"),
    [
        ({}, [0, 1, 2, 3], "failures of ours"),
        ({"flags": ["repeated_action"]}, [0, 2, 3], "filter.flags"),
        ({"families": ["g"]}, [2], "filter.families"),
        ({"terminations": ["success", "max_turns"]}, [0, 1, 2], "filter.terminations"),
        ({"max_tokens": 6}, [0, 1], "filter.max_tokens"),
        ({"success": "false"}, [2, 3], "filter.success=false"),
        ({"success": "True"}, [0, 1], "filter.success=true"),
    ],
)
def test_each_filter_takes_what_it_says_and_counts_it(
    filters: dict[str, Any], left: list[int], name: str, tmp_path: Path
) -> None:
    stored = write_run(tmp_path / "run", FILTERED)
    folder = export(stored, "verifier", tmp_path / "out", **filters)
    assert [row["trajectory_id"] for row in load(folder)] == [FILTERED[n].trajectory_id for n in left]
    taken = yaml.safe_load((folder / "export.yaml").read_text(encoding="utf-8"))["taken"]
    assert taken["failures of ours"] == 1
    assert taken["no reply or no prompt"] == 1
    assert taken[name] == (1 if not filters else 4 - len(left))


def test_tokens_that_an_endpoint_counted_bound_a_row_too(tmp_path: Path) -> None:
    made = rollout(0, "a", ["x"], success=True, token_ids=None, loss_mask=None)
    made.turns[-1] = dataclasses.replace(made.turns[-1], prompt_tokens=90, completion_tokens=10)
    stored = write_run(tmp_path / "run", [made])
    assert load(export(stored, "sft", tmp_path / "fits", max_tokens=100))
    with pytest.raises(ExportError, match=r"filter\.max_tokens 1$"):
        export(stored, "sft", tmp_path / "out", max_tokens=99)


def test_the_card_says_what_a_reader_must_know(tmp_path: Path) -> None:
    made = [
        rollout(n, str(n), ["x"], success=True, family="eicu", restricted=True, licence="physionet-1.5.0")
        for n in range(20)
    ]
    folder = export(write_run(tmp_path / "run", made), "sft", tmp_path / "out", restricted=True, validation=0.5)
    card = (folder / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert [each["split"] for each in head["configs"][0]["data_files"]] == ["train", "validation"]
    train, held_out = load(folder), load(folder, "validation")
    assert f"| eicu | {len(train)} | {len(held_out)} | 20 | physionet-1.5.0 | 1 |" in card
    assert "**20 rows are of restricted families (eicu)" in card
    assert "20 of the trajectories are of tasks of the benchmark's own test split" in card
    assert str(tmp_path) not in card + (folder / "export.yaml").read_text(encoding="utf-8")


def test_two_runs_that_share_a_trajectory_are_refused(tmp_path: Path) -> None:
    made = [rollout(0, "a", ["x"], success=True)]
    one, two = write_run(tmp_path / "one", made), write_run(tmp_path / "two", made, key="rescored")
    with pytest.raises(ConfigError, match=r"trajectory 0{32} is in two of the runs .*; name only one of them"):
        export([one, two], "sft", tmp_path / "out")
    with pytest.raises(ConfigError, match="is given twice"):
        export([one, one], "sft", tmp_path / "out")


@pytest.mark.parametrize(
    ("view", "given_", "told"),
    [
        ("stf", {}, "view=stf: one of sft, sft_tokens, dpo, dpo_turn, kto, grpo, verifier, prm"),
        ("sft", {"success": "yes"}, "filter.success=yes: one of auto, true, false, any"),
        ("sft", {"families": ["h"]}, "filter.families: no trajectory of 'h' here; of f"),
        ("sft", {"terminations": ["sandbox_error"]}, "filter.terminations: no 'sandbox_error'; of success, wrong"),
        ("sft", {"best_of": -1}, "filter.best_of=-1"),
        ("sft", {"max_tokens": 0}, "filter.max_tokens=0"),
        ("sft", {"validation": 1.0}, "split.validation=1: a share of the tasks, from 0 to below 1"),
        ("dpo", {"pairs": 0}, "pairs.per_prompt=0"),
        ("dpo", {"best_of": 2}, "filter.best_of: view=dpo sets successes beside failures; leave it out"),
        ("dpo_turn", {"success": "true"}, "filter.success: view=dpo_turn sets successes beside failures"),
    ],
)
def test_what_cannot_be_used_is_refused(view: str, given_: dict[str, Any], told: str, tmp_path: Path) -> None:
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x"], success=True)])
    with pytest.raises(ConfigError) as refused:
        export(stored, view, tmp_path / "out", **given_)
    assert told in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_where_all_tasks_fall_to_validation_the_seed_is_named(tmp_path: Path) -> None:
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x"], success=True)])
    seed = next(seed for seed in itertools.count() if not _has_train(stored, tmp_path, seed))
    with pytest.raises(ExportError, match=r"all of the 1 tasks fall to validation: split\.validation=0, or another"):
        export(stored, "sft", tmp_path / "out", validation=0.5, seed=seed)
    assert not (tmp_path / "out").exists()


def _has_train(stored: Path, folder: Path, seed: int) -> bool:
    try:
        export(stored, "sft", folder / f"seed-{seed}", validation=0.5, seed=seed)
    except ExportError:
        return False
    return True


def test_large_views_are_several_files_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROW_GROUP_BYTES", 2000)
    monkeypatch.setattr(files, "_FILE_BYTES", 1)
    made = [rollout(n, str(n), [f"{n}" * 400], success=True) for n in range(20)]
    folder = export(write_run(tmp_path / "run", made), "sft", tmp_path / "out")
    assert len(list((folder / "data").iterdir())) > 2
    assert sorted(row["task_id"] for row in load(folder)) == sorted(each.task_id for each in made)


def test_a_shard_that_is_damaged_leaves_nothing(tmp_path: Path) -> None:
    stored = write_run(tmp_path / "run", [rollout(n, "a", [f"{n}"], success=n % 2 > 0) for n in range(4)])
    shard = sorted((stored / "trajectories").iterdir())[2]
    shard.write_bytes(shard.read_bytes()[:-50])
    for view in ("sft", "dpo"):
        with pytest.raises(StorageError, match="restore it from a copy"):
            export(stored, view, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x"], success=True)])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "parquet_writer", full)
    with pytest.raises(StorageError, match="No space left on device"):
        export(stored, "sft", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def _command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return typed(folder, "export", *arguments)


def test_the_command_as_it_is_typed(tmp_path: Path) -> None:
    stored = write_run(tmp_path / "run", FILTERED)
    log = WriteAheadLog(stored / Part(TRAJECTORIES.name, "9", 0).log, TRAJECTORY_SCHEMA)
    log.append([to_batch([rollout(9, "c", ["x"], success=True)], TRAJECTORY_SCHEMA).serialize().to_pybytes()])
    log.close()
    done = _command(
        "run=run", "view=sft", "output.dir=out", "filter.success=true", "split.validation=0", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/out: sft: 2 examples (train 2) of 1 tasks, from 2 of 6 trajectories\n"
    assert "run: rows in the log of an unfinished run are left out" in done.stderr
    assert "filter.success=true: 2 trajectories left out" in done.stderr
    assert "Warning" not in done.stderr

    again = _command("run=run", "view=sft", "output.dir=out", folder=tmp_path)
    assert (again.returncode, again.stderr) == (
        *(2, "medgym_ray: output.dir=out is there already; choose one that is not\n"),
    )
    empty = _command("run=run", "view=sft", "output.dir=none", "filter.max_tokens=1", folder=tmp_path)
    assert empty.returncode == 3
    assert empty.stderr.splitlines()[-1].startswith("medgym_ray: none of 6 trajectories is left for sft: failures of")
    assert not (tmp_path / "none").exists()


def test_a_run_that_grows_meanwhile_is_read_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from medgym_ray.export import __main__ as command

    stored = write_run(tmp_path / "run", [rollout(0, "a", ["x"], success=True)])
    before = command.select

    def grow(*given_: Any, **named: Any) -> Any:
        asyncio.run(_later(stored))
        return before(*given_, **named)

    monkeypatch.setattr(command, "select", grow)
    assert len(load(export(stored, "sft", tmp_path / "out"))) == 1


async def _later(stored: Path) -> None:
    from medgym_ray.store.writer import DurableWriter

    writer = DurableWriter(stored, "1", (), shard_bytes=1, shard_s=1e6)
    await writer.append(rollout(1, "b", ["y"], success=True))
    await writer.close()
