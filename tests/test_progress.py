"""What a user reads of a run, on a terminal and off one."""

import io
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from medgym_ray.occupancy import Use
from medgym_ray.progress import ProgressDisplay, Snapshot, drawn, plain_line
from medgym_ray.work import Work

_BUSY = Snapshot(
    requested=100,
    done=30,
    earlier=10,
    successes=5,
    active=3,
    work=Work(
        turns=50,
        prompt_tokens=2000,
        cached_tokens=1500,
        generated_tokens=4000,
        generate_ms=40_000,
        execute_ms=1000,
        queue_ms=600,
    ),
    sandboxes=Use(places=8, busy=3, place_s=80, busy_s=60),
    replicas=Use(places=2, busy=2, place_s=20, busy_s=19),
)


def _text(snapshot: Snapshot, elapsed_s: float) -> list[str]:
    written = io.StringIO()
    Console(file=written, width=120).print(drawn(snapshot, elapsed_s))
    return [" ".join(line.split()) for line in written.getvalue().splitlines()]


def test_one_line_says_what_is_done_how_well_how_fast_and_how_long_it_takes() -> None:
    assert plain_line(_BUSY, 10.0) == (
        "done 30/100 · success 25.0% · trajectories/s 2.00 · turns/s 5.0 · tokens/s 400 · prefix 75% · "
        "sandboxes 3/8 idle 25% · replicas 2/2 idle 5% · ETA 0:00:35"
    )


def test_a_large_run_still_fits_a_line() -> None:
    large = replace(
        _BUSY,
        requested=100_000,
        done=43_400,
        successes=24_000,
        work=Work(turns=400_000, prompt_tokens=9, cached_tokens=8, generated_tokens=90_000_000),
        sandboxes=Use(512, 510, 100, 99),
        replicas=Use(8, 8, 100, 99),
    )
    assert len(plain_line(large, 10_000)) <= 165


def test_what_there_is_none_of_is_not_told() -> None:
    line = plain_line(Snapshot(requested=5, done=1, sandboxes=Use(8, 1, 1, 1)), 1.0)
    assert "prefix" not in line
    assert "replicas" not in line


def test_dropped_failed_and_spared_are_told_where_there_are_any_and_not_waited_for() -> None:
    line = plain_line(Snapshot(requested=14, done=4, dropped=3, failed=1, spared=4, failed_attempts=5), 4.0)
    assert line.endswith("ETA 0:00:02 · dropped 3 · failed 1 · spared 4 · failed attempts 5")


@pytest.mark.parametrize(
    "snapshot", [Snapshot(requested=5, done=0), Snapshot(requested=5, done=5, earlier=5), Snapshot(0, 0)]
)
def test_nothing_done_yet_is_no_rate(snapshot: Snapshot) -> None:
    line = plain_line(snapshot, 60.0)
    assert "success –" in line
    assert line.endswith("ETA –")
    assert _text(snapshot, 60.0)[-1] == "attempts failed 0 of a hundred –"


def test_a_long_way_to_go_is_told_in_hours() -> None:
    assert plain_line(Snapshot(requested=100_001, done=1), 1.0).endswith("ETA 27:46:40")


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9), st.floats(1e-9, 1e9))
def test_any_state_is_one_line(done: int, earlier: int, left: int, elapsed: float) -> None:
    snapshot = Snapshot(requested=done + earlier + left, done=done + earlier, earlier=earlier, successes=done)
    line = plain_line(snapshot, elapsed)
    assert "\n" not in line
    assert line.startswith(f"done {done + earlier}/{done + earlier + left} · ")
    assert ("success 100.0%" in line) == (done > 0)


def test_the_table_says_where_time_goes() -> None:
    lines = _text(replace(_BUSY, failed_attempts=5), 10.0)
    assert lines[0].endswith("30/100 success 25.0% ETA 0:00:35")
    assert lines[1:] == [
        "rollouts active 3 waiting 67 dropped 0 failed 0",
        "per second trajectories 2.00 turns 5.0 tokens 400",
        "mean turn reply 800 ms queued 12 ms cell 20 ms prefix hits 75%",
        "busy sandboxes 3/8 replicas 2/2",
        "idle, last minute sandboxes 25% replicas 5%",
        "attempts failed 5 of a hundred 20.0",
    ]


def test_idle_shares_look_back_one_minute_and_rates_on_the_whole_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=30)
    monkeypatch.setattr("medgym_ray.progress.time.monotonic", lambda: now)
    now = float(next(clock))
    written = io.StringIO()
    with ProgressDisplay(Console(file=written, width=20)) as display:
        for busy_s in (0, 30, 60, 90, 90, 90):  # busy for a minute and a half, then idle
            now = float(next(clock))
            use = Use(places=1, busy=1, place_s=now - 30, busy_s=busy_s)
            display.show(Snapshot(requested=9, done=1, sandboxes=use))
    shares = [line.partition(" idle ")[2].partition(" ")[0] for line in written.getvalue().splitlines()]
    assert shares == ["", "0%", "0%", "0%", "50%", "100%"]


def test_places_that_are_gone_leave_no_negative_share() -> None:
    gone = replace(_BUSY, sandboxes=Use(places=8, busy=8, place_s=10, busy_s=10))
    assert "sandboxes 8/8 ·" in plain_line(gone, 10.0, since=_BUSY)


def test_off_a_terminal_whole_lines_are_written() -> None:
    written = io.StringIO()
    with ProgressDisplay(Console(file=written, width=20)) as display:
        display.show(Snapshot(requested=3, done=1))
        display.show(Snapshot(requested=3, done=2))
    lines = written.getvalue().splitlines()
    assert len(lines) <= 1, "two calls in one moment are one line"
    assert all(line.startswith("done 1/3 · ") and line.endswith(("–", ":00")) for line in lines)
