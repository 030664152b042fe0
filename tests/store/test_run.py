"""A run's directory: the identity it holds, and the card by which it loads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.recovery import prepare_directory, tally
from medgym_ray.store.run import check_identity, write_card, write_dropped, write_run_file
from medgym_ray.store.writer import DurableWriter
from tests.records import make_failure, make_trajectory

IDENTITY = {"seed": 0, "sampling.temperature": 1.0, "tasks.families": ["a", "b"], "model.path": None}


def _written(root: Path, identity: dict[str, Any]) -> Path:
    write_run_file(root, identity, {"seed": 0}, {"ray": "2"})
    return root


def test_a_fresh_directory_holds_nothing_and_the_same_run_goes_on(tmp_path: Path) -> None:
    assert check_identity(tmp_path, IDENTITY, resume=True) is False
    assert check_identity(tmp_path, IDENTITY, resume=False) is False
    _written(tmp_path, IDENTITY)
    assert check_identity(tmp_path, dict(reversed(IDENTITY.items())), resume=True) is True
    assert [path.name for path in tmp_path.iterdir()] == ["run.yaml"], "no temporary file is left"


def test_another_run_is_refused_with_the_keys_that_differ(tmp_path: Path) -> None:
    _written(tmp_path, IDENTITY)
    other = {**IDENTITY, "seed": 1, "tasks.families": ["b", "a"], "protocol": "paper"}
    with pytest.raises(ConfigError) as refused:
        check_identity(tmp_path, other, resume=True)
    message = str(refused.value)
    assert f"{tmp_path} holds a run with other settings: " in message
    assert "seed=1 (there: 0)" in message
    assert "protocol=paper (there: None)" in message
    assert "tasks.families=['b', 'a'] (there: ['a', 'b'])" in message
    assert "temperature" not in message
    assert message.endswith("choose another output.dir")


def test_the_same_run_without_resume_is_refused_with_what_to_say(tmp_path: Path) -> None:
    _written(tmp_path, IDENTITY)
    with pytest.raises(ConfigError, match="already holds this run; say resume=true"):
        check_identity(tmp_path, IDENTITY, resume=False)


@pytest.mark.parametrize(
    "content",
    [b"", b"identity: 5", b"identity: text", b"- 1", b"{", b"identity: [1, 2]", b"\xff\xfe\x00", b"config: {}"],
)
def test_a_run_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.yaml: cannot be read; choose another output\.dir"):
        check_identity(tmp_path, IDENTITY, resume=True)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85"))
    | st.sampled_from(["null", "1e3", "0x1", "yes", "2020-01-01", "~", "1_000", "=", "<<", " a ", "a: b", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.:# "), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text("abc._"), _values))
def test_a_run_finds_its_own_directory_again_whatever_its_values(tmp_path: Path, identity: dict[str, Any]) -> None:
    assert check_identity(_written(tmp_path, identity), identity, resume=True) is True


def test_the_run_file_needs_no_package_of_ours_to_be_read(tmp_path: Path) -> None:
    write_run_file(tmp_path, IDENTITY, {"path": Path("somewhere"), "nested": {"a": [1, None]}}, {"ray": "2"})
    content = yaml.safe_load((tmp_path / "run.yaml").read_text())
    assert content["identity"] == IDENTITY
    assert content["config"] == {"path": "somewhere", "nested": {"a": [1, None]}}


def test_dropped_tasks_are_lines_of_json(tmp_path: Path) -> None:
    write_dropped(tmp_path, {"f/1": "gold: é\nfails", "f/2": "duplicate"})
    lines = (tmp_path / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"task_id": "f/1", "reason": "gold: é\nfails"},
        {"task_id": "f/2", "reason": "duplicate"},
    ]
    write_dropped(tmp_path, {})
    assert (tmp_path / "dropped.jsonl").read_text() == ""


def test_a_directory_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone/run\.yaml: No such file"):
        write_run_file(tmp_path / "gone", IDENTITY, {}, {})


_LOADER = """
import sys, datasets
root, cache = sys.argv[1:]
for name in (None, "trajectories", "failures"):
    loaded = datasets.load_dataset(root, name, cache_dir=cache)
    print(name, [(split, len(rows), rows.column_names[0]) for split, rows in loaded.items()])
"""


def _load(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _LOADER, str(root), str(root.parent / "cache")],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(root.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


async def _run_directory(root: Path, *, failures: bool) -> None:
    prepare_directory(root)
    writer = DurableWriter(root, "0", (), 1 << 30, 1e6)
    for n in range(3):
        await writer.append(make_trajectory(f"t{n}", success=n == 0, token_ids=[1], loss_mask=[1], logprobs=[0.0]))
    if failures:
        await writer.append_failure(make_failure("x"))
    await writer.close()
    write_card(root, tally(root), model="m", run_key="k" * 64, version="0")


async def test_the_card_loads_trajectories_and_failures_offline(tmp_path: Path) -> None:
    root = tmp_path / "run"
    await _run_directory(root, failures=True)
    card = (root / "README.md").read_text(encoding="utf-8")
    assert "3 trajectories, 1 successful" in card
    assert "| f | 3 | 33.3% |" in card
    loaded = _load(root)
    assert loaded.returncode == 0, loaded.stderr
    rows = {None: 3, "trajectories": 3, "failures": 1}
    expected = [f"{name} [('train', {count}, 'trajectory_id')]" for name, count in rows.items()]
    assert loaded.stdout.splitlines() == expected


async def test_beside_events_and_log_a_run_that_goes_on_is_loaded_once_it_has_a_shard(tmp_path: Path) -> None:
    prepare_directory(tmp_path)
    write_card(tmp_path, tally(tmp_path), model="m", run_key="k", version="0")
    for name in ("events.jsonl", "log.jsonl"):
        (tmp_path / name).write_text('{"event": "run_started"}\n')
    with pytest.raises(FileNotFoundError, match="data files found"):
        datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / ".cache"))
    writer = DurableWriter(tmp_path, "0", (), 1, 1e6)
    await writer.append(make_trajectory("t"))
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / ".cache"))
    assert loaded["train"]["trajectory_id"][:] == ["t"]
    await writer.close()


async def test_a_card_names_no_failures_where_there_are_none(tmp_path: Path) -> None:
    await _run_directory(tmp_path / "run", failures=False)
    header = yaml.safe_load((tmp_path / "run" / "README.md").read_text().split("---")[1])
    assert [c["config_name"] for c in header["configs"]] == ["trajectories"]
