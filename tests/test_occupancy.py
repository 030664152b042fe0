"""Idle shares come from integrals over time."""

import pytest

from medgym_ray.occupancy import Occupancy, Use, Uses


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is."""
    now = [100.0]
    monkeypatch.setattr("medgym_ray.occupancy.time.monotonic", lambda: now[0])
    return now


def test_places_are_busy_while_they_are_held(clock: list[float]) -> None:
    places = Occupancy(2)
    clock[0] += 4
    with places.hold():
        clock[0] += 3
        assert places.use() == Use(places=2, busy=1, place_s=14, busy_s=3)
    clock[0] += 3
    assert places.use() == Use(places=2, busy=0, place_s=20, busy_s=3)
    assert places.use().idle(Use()) == pytest.approx(0.85)


def test_holders_beyond_the_places_share_them(clock: list[float]) -> None:
    engine = Occupancy(1)
    with engine.hold(), engine.hold(), engine.hold():
        clock[0] += 5
        assert engine.holders == 3
    assert engine.use() == Use(places=1, busy=0, place_s=5, busy_s=5)


def test_a_holder_that_fails_lets_go(clock: list[float]) -> None:
    places = Occupancy(1)
    with pytest.raises(ValueError, match="x"), places.hold():
        raise ValueError("x")
    assert places.holders == 0


def test_idle_is_since_then_and_unknown_without_time() -> None:
    then = Use(places=1, busy=1, place_s=10, busy_s=10)
    assert Use(1, 0, 20, 15).idle(then) == pytest.approx(0.5)
    assert then.idle(then) is None
    assert Use().idle(Use()) is None


def test_what_is_gone_still_counts_and_has_no_place() -> None:
    uses = Uses()
    uses.report("a", Use(4, 2, 40, 20))
    uses.report("b", Use(4, 4, 40, 40))
    uses.end("a")
    uses.end("nobody")
    assert uses.total() == Use(4, 4, 80, 60)
    uses.report("b", Use(4, 1, 8, 2))  # another of its name
    assert uses.total() == Use(4, 1, 88, 62)
