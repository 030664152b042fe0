"""Looking on at replicas, without Ray: an actor is what has methods with `.remote`."""

import asyncio

import pytest

from actors.watch import ReplicaWatch
from medgym_ray.occupancy import Use
from tests.actors.test_replicas import DIED


class _Replica:
    """Answers with its use, or not."""

    def __init__(self, *answers: Use | Exception) -> None:
        self._answers = list(answers)
        self.use = self

    async def remote(self) -> Use:
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(found, Exception):
            raise found
        return found


async def _after_rounds(watch: ReplicaWatch) -> Use:
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    return watch.use()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.watch._EVERY_S", 0.001)


async def test_replicas_are_asked_and_those_that_die_keep_what_they_did() -> None:
    living = _Replica(Use(1, 1, 10, 5), Use(1, 0, 20, 6))
    dying = _Replica(Use(1, 1, 10, 10), DIED(), KeyError("a defect"))
    assert await _after_rounds(ReplicaWatch({"a": living, "b": dying})) == Use(1, 0, 30, 16)


async def test_a_follower_of_the_same_name_begins_anew() -> None:
    following = _Replica(Use(1, 1, 10, 10), Use(1, 1, 2, 1))
    assert await _after_rounds(ReplicaWatch({"a": following})) == Use(1, 1, 12, 11)


async def test_no_replicas_are_no_places() -> None:
    assert await _after_rounds(ReplicaWatch({})) == Use()
