"""What ends together goes to the writer together, and each is told its own fate."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from actors.calls import Seat
from actors.outbox import Outbox
from medgym_ray.errors import RecordError, StorageError
from medgym_ray.trajectory import Trajectory
from tests.records import make_trajectory


class _Writer:
    """Refuses what is called bad; fails once the disk is full."""

    def __init__(self) -> None:
        self.bundles: list[list[str]] = []
        self.full = False
        self.append = SimpleNamespace(remote=self._append)

    async def _append(self, trajectories: Sequence[Trajectory]) -> Any:
        self.bundles.append([trajectory.trajectory_id for trajectory in trajectories])
        if self.full:
            raise StorageError("disk full")
        return [RecordError("no fit") if name == "bad" else None for name in self.bundles[-1]]


async def _fate(outbox: Outbox, name: str) -> str | None:
    try:
        await outbox.put(make_trajectory(name))
    except (RecordError, StorageError) as error:
        return str(error)
    return None


async def test_each_is_told_its_own_fate() -> None:
    writer = _Writer()
    outbox = Outbox(Seat(writer))
    first = asyncio.gather(*(_fate(outbox, name) for name in ("a", "bad", "b")))
    await asyncio.sleep(0)
    assert len(outbox) == 3
    assert await first == [None, "no fit", None]
    assert (len(outbox), writer.bundles) == (0, [["a", "bad", "b"]])
    writer.full = True
    assert await asyncio.gather(_fate(outbox, "c"), _fate(outbox, "d")) == ["disk full"] * 2
    assert len(writer.bundles) == 2


async def test_the_first_goes_at_once_and_what_ends_soon_after_it_goes_together() -> None:
    writer = _Writer()
    outbox = Outbox(Seat(writer))
    assert await _fate(outbox, "a") is None
    later = [asyncio.ensure_future(_fate(outbox, name)) for name in ("b", "c")]
    while len(outbox) < 2:
        await asyncio.sleep(0)
    assert writer.bundles == [["a"]], "the second message comes a while after the first"
    assert await asyncio.gather(*later) == [None, None]
    assert writer.bundles == [["a"], ["b", "c"]]


async def test_one_that_nobody_waits_for_any_more_goes_with_the_others() -> None:
    writer = _Writer()
    outbox = Outbox(Seat(writer))
    left, kept = (asyncio.ensure_future(_fate(outbox, name)) for name in ("left", "kept"))
    await asyncio.sleep(0)
    left.cancel()
    assert await kept is None
    assert writer.bundles == [["left", "kept"]]
    assert len(outbox) == 0


async def test_an_answer_that_makes_no_sense_leaves_nobody_waiting() -> None:
    writer = SimpleNamespace(append=SimpleNamespace(remote=lambda _: asyncio.sleep(0)))
    with pytest.raises(TypeError):
        async with asyncio.timeout(5):
            await Outbox(Seat(writer)).put(make_trajectory("a"))
