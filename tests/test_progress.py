"""What a user reads of a run off a terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from medgym_ray.progress import ProgressDisplay, Snapshot, plain_line


def _snapshot(**fields: int) -> Snapshot:
    content = dict.fromkeys(Snapshot.__slots__, 0) | fields
    return Snapshot(**content)


def test_one_line_says_what_is_done_how_well_how_fast_and_how_long_it_takes() -> None:
    snapshot = _snapshot(
        requested=100,
        done=30,
        earlier=10,
        successes=5,
        generated_tokens=4000,
        busy_sandboxes=3,
        sandboxes=8,
        replicas=2,
    )
    assert plain_line(snapshot, 10.0) == (
        "done 30/100 · success 25.0% · trajectories/s 2.00 · tokens/s 400 · sandboxes 3/8 · replicas 0/2 · ETA 0:00:35"
    )


def test_dropped_failed_and_spared_are_told_where_there_are_any_and_not_waited_for() -> None:
    line = plain_line(_snapshot(requested=14, done=4, dropped=3, failed=1, spared=4), 4.0)
    assert line.endswith("ETA 0:00:02 · dropped 3 · failed 1 · spared 4")


@pytest.mark.parametrize(
    "snapshot", [_snapshot(requested=5), _snapshot(requested=5, done=5, earlier=5), _snapshot(requested=0)]
)
def test_nothing_done_yet_is_no_rate(snapshot: Snapshot) -> None:
    line = plain_line(snapshot, 60.0)
    assert "success –" in line
    assert line.endswith("ETA –")


def test_a_long_way_to_go_is_told_in_hours() -> None:
    assert plain_line(_snapshot(requested=100_001, done=1), 1.0).endswith("ETA 27:46:40")


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.floats(1e-9, 1e9))
def test_any_state_is_one_line(done: int, earlier: int, left: int, elapsed: float) -> None:
    snapshot = _snapshot(requested=done + earlier + left, done=done + earlier, earlier=earlier, successes=done)
    line = plain_line(snapshot, elapsed)
    assert "\n" not in line
    assert line.startswith(f"done {done + earlier}/{done + earlier + left} · ")
    assert ("success 100.0%" in line) == (done > 0)


def test_off_a_terminal_whole_lines_are_written() -> None:
    written = io.StringIO()
    with ProgressDisplay(Console(file=written, width=20)) as display:
        display.show(_snapshot(requested=3, done=1))
        display.show(_snapshot(requested=3, done=2))
    lines = written.getvalue().splitlines()
    assert len(lines) <= 1, "two calls in one moment are one line"
    assert all(line.startswith("done 1/3 · ") and line.endswith(("–", ":00")) for line in lines)
