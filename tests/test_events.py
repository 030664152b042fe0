"""What a run leaves for machines: events and log, whole lines whatever happens, and never a model's words."""

import errno
import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.chronicle import Chronicle
from medgym_ray.errors import ClusterError
from medgym_ray.events import (
    ClusterReady,
    Event,
    NodeJoined,
    RolloutFailed,
    RunEnded,
    RunStarted,
    TaskDropped,
    parse,
    render,
)
from medgym_ray.leases import Counts
from medgym_ray.store.lines import open_lines
from tests.conftest import REPOSITORY

_COUNTS = Counts(requested=9, done=4, earlier=1, successes=2, dropped=1, failed=1, spared=0, active=2)
_MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_EVENTS = st.one_of(
    *(st.builds(kind, at=_MOMENTS) for kind in get_args(Event) if kind is not ClusterReady),
    st.builds(ClusterReady, at=_MOMENTS, cpus=_FINITE, gpus=_FINITE),
)


def _read(folder: Path, name: str = "events") -> list[bytes]:
    return (folder / f"{name}.jsonl").read_bytes().splitlines(keepends=True)


def _logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _read(folder, "log")]


@given(_EVENTS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_event_is_one_line_that_reads_back(event: Event) -> None:
    line = render(event)
    assert b"\n" not in line
    assert parse(line) == event
    fields = json.loads(line)
    assert datetime.fromisoformat(fields["at"]).utcoffset() == timedelta(0)
    assert fields["event"] == event.event


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'{"at": "2026-01-01T00:00:00Z", "event": "something_else"}',
        b'{"at": "2026-01-01T00:00:00", "event": "node_left", "node": "n"}',
        b'{"at": "2026-01-01T00:00:00Z", "event": "node_left"}',
        b'{"at": "2026-01-01T00:00:00Z", "event": "node_left", "node": "n", "more": 1}',
    ],
)
def test_the_set_is_closed_and_typed(line: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        parse(line)


def test_a_resumed_run_goes_on_with_its_file_and_mends_a_torn_line(tmp_path: Path) -> None:
    first, second = NodeJoined(node="a"), NodeJoined(node="b")
    with Chronicle(tmp_path, "run") as chronicle:
        chronicle.note(first)
    path = tmp_path / "events.jsonl"
    path.write_bytes(path.read_bytes() + render(second)[:-9])  # killed while it wrote
    with Chronicle(tmp_path, "run") as chronicle:
        chronicle.note(second)
    assert [parse(line) for line in _read(tmp_path)] == [first, second]


@given(st.lists(st.integers(0, 40), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_disk_that_is_full_at_any_moment_costs_lines_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: list[int]
) -> None:
    """Each number is how many bytes of a line of 30 still fit."""
    path = tmp_path / "events.jsonl"
    path.unlink(missing_ok=True)
    write = os.write
    fits = iter(room)

    def full(file: int, data: bytes) -> int:
        if not (space := next(fits)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[:space])

    lines = open_lines(tmp_path, "events")
    sent = [f"{number:029d}".encode() for number in range(len(room))]
    with monkeypatch.context() as patched:
        patched.setattr("medgym_ray.store.lines.os.write", full)
        for line in sent:
            lines.append(line)
    lines.append(b"there is room again")
    lines.close()
    whole = [line for line, space in zip(sent, room, strict=True) if space >= 30]
    assert path.read_bytes().splitlines() == [*whole, b"there is room again"]


def test_a_directory_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    with Chronicle(tmp_path / "nowhere", "run") as chronicle:
        chronicle.note(NodeJoined(node="a"))
        logging.getLogger("medgym_ray.x").warning("lost")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_said_in_unicode_is_left_out(tmp_path: Path) -> None:
    with Chronicle(tmp_path, "run") as chronicle:
        chronicle.note(NodeJoined(node="\ud800"))
        chronicle.note(NodeJoined(node="a"))
    assert [parse(line).event for line in _read(tmp_path)] == ["node_joined"]


def test_tasks_and_rollouts_are_noted_once_and_by_their_cause_alone(tmp_path: Path) -> None:
    with Chronicle(tmp_path, "run") as chronicle:
        for _ in range(2):
            chronicle.follow(_COUNTS, {"f/1": "the gold program fails: John Doe"}, {"t": "ScorerError: quotes a model"})
    assert [parse(line).model_dump(exclude={"at"}) for line in _read(tmp_path)] == [
        TaskDropped(task_id="f/1", cause="the gold program fails").model_dump(exclude={"at"}),
        RolloutFailed(trajectory_id="t", cause="ScorerError").model_dump(exclude={"at"}),
    ]


@pytest.mark.parametrize(
    ("error", "outcome", "says"),
    [
        (ClusterError("executors keep dying"), "broken", "ClusterError: executors keep dying"),
        (KeyError("a model's words"), "broken", "KeyError"),
        (KeyboardInterrupt(), "interrupted", None),
    ],
)
def test_an_error_is_noted_as_the_runs_end(tmp_path: Path, error: BaseException, outcome: str, says: str) -> None:
    def work() -> None:
        with Chronicle(tmp_path, "run") as chronicle:
            chronicle.follow(_COUNTS, {}, {})
            raise error

    with pytest.raises(type(error)):
        work()
    (end,) = (parse(line) for line in _read(tmp_path))
    assert isinstance(end, RunEnded)
    assert (end.outcome, end.error) == (outcome, says)
    assert end.requested == end.done + end.dropped + end.failed + end.missing == 9


def test_the_log_is_json_without_what_an_exception_may_quote(tmp_path: Path) -> None:
    logger = logging.getLogger("medgym_ray.somewhere")
    with Chronicle(tmp_path, "0123"):
        logger.debug("not told")
        logger.info("indexing %d files\nof two lines", 3)
        try:
            {}["what a model wrote"]
        except KeyError:
            logger.exception("episode %s", "abc")
        logging.getLogger("elsewhere").warning("not ours")
    logger.warning("after the end")
    told, failed = _logged(tmp_path)
    assert datetime.fromisoformat(told.pop("at")).utcoffset() == timedelta(0)
    assert told == {
        "level": "info",
        "logger": "medgym_ray.somewhere",
        "message": "indexing 3 files\nof two lines",
        "run_id": "0123",
        "actor": "driver",
    }
    assert failed["exception"]["type"] == "KeyError"
    assert "test_events.py" in failed["exception"]["places"][0]
    assert "what a model wrote" not in json.dumps(failed)


_ACTOR = """
import logging
from medgym_ray.logs import to_stderr
logger = logging.getLogger("actors.executor")
for _ in range(2):  # another actor in the same process takes its place
    to_stderr("0123", "executor-7")
logger.info("not told")
logger.warning("a sandbox is replaced")
"""


def test_an_actor_logs_its_warnings_as_json_to_stderr() -> None:
    ran = subprocess.run([sys.executable, "-c", _ACTOR], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    (line,) = ran.stderr.splitlines()
    entry = json.loads(line)
    assert (entry["actor"], entry["run_id"], entry["level"]) == ("executor-7", "0123", "warning")
    assert entry["message"] == "a sandbox is replaced"


def test_a_log_record_that_cannot_be_written_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with Chronicle(tmp_path, "run"):
        logging.getLogger("medgym_ray.x").info("%d", "no number")
        logging.getLogger("medgym_ray.x").info("fine")
    assert [entry["message"] for entry in _logged(tmp_path)] == ["fine"]


def test_a_started_run_says_what_it_runs(tmp_path: Path) -> None:
    event = RunStarted(run_id="r", model="oracle", tasks=3, rollouts=2, durable=0, versions={"ray": "2"})
    assert json.loads(render(event))["versions"] == {"ray": "2"}
