"""Replicas and seats that are lost and followed by others, without Ray: an actor is what has methods with `.remote`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from ray import exceptions as ray_exceptions

from actors.calls import Seat, answer
from actors.replica import ReplicatedPolicy
from medgym_ray.errors import ClusterError, EngineDead, PolicyError, StorageError
from medgym_ray.policies.base import ContextFull, EngineLoad, Generation, GenerationRequest, Sampling

DIED, AWAY = ray_exceptions.ActorDiedError, ray_exceptions.ActorUnavailableError


class _Method:
    def __init__(self, body: Callable[..., Awaitable[Any]]) -> None:
        self.remote = body


class _Actor:
    """Answers with its name, once it may, or raises."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error = name, error
        self.may = asyncio.Event()
        self.may.set()
        self.asked = 0
        self.load: EngineLoad | None = None
        self.generate = _Method(self._answer)

    async def _answer(self, *_: object) -> Generation:
        self.asked += 1
        await self.may.wait()
        if self.error is not None:
            raise self.error
        return Generation(self.name, "stop", load=self.load)


def _request(deadline_s: float = 60.0, task: str = "task") -> GenerationRequest:
    return GenerationRequest(f"session of {task}", task, 0, Sampling(), 0, deadline_s)


def _away() -> Exception:
    error: Exception = AWAY("no way to it", None)
    return error


def _raised(cause: Exception) -> Exception:
    error: Exception = ray_exceptions.RayTaskError("generate", "traceback", cause)
    return error


async def test_a_turn_whose_replica_dies_goes_to_another() -> None:
    dying, living = _Actor("a", DIED()), _Actor("b")
    policy = ReplicatedPolicy({"a": dying, "b": living}, max_in_flight=4)
    for _ in range(3):
        assert (await policy.generate(_request())).text == "b"
    assert dying.asked <= 1, "it is not asked again"
    assert not any(policy.router.load.values())


async def test_a_turn_whose_engine_is_dead_goes_elsewhere_though_its_actor_still_answers() -> None:
    dying = _Actor("a", _raised(EngineDead("replica-a: gone")))
    policy = ReplicatedPolicy({"a": dying, "b": _Actor("b")}, max_in_flight=4)
    replies = [(await policy.generate(_request())).text for _ in range(4)]
    assert replies == ["b"] * 4
    assert dying.asked <= 1


async def test_a_turn_waits_for_the_follower_where_all_are_lost() -> None:
    policy = ReplicatedPolicy({"a": _Actor("dead", DIED())}, max_in_flight=4)
    turns = [asyncio.create_task(policy.generate(_request())) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert not any(turn.done() for turn in turns)
    await policy.use("a", _Actor("follower"))
    assert [turn.text for turn in await asyncio.gather(*turns)] == ["follower"] * 3


async def test_waiting_ends_before_the_deadline_as_a_failure_of_ours() -> None:
    policy = ReplicatedPolicy({"a": _Actor("dead", DIED())}, max_in_flight=4)
    with pytest.raises(PolicyError, match="none was replaced in time"):
        await policy.generate(_request(deadline_s=1.05))


async def test_no_more_requests_are_under_way_than_the_windows_have_room_for() -> None:
    actors = {name: _Actor(name) for name in "ab"}
    policy = ReplicatedPolicy(actors, max_in_flight=64)
    assert policy.capacity == 32
    for actor in actors.values():
        actor.may.clear()
    turns = [asyncio.create_task(policy.generate(_request(task=f"task {n}"))) for n in range(60)]
    await asyncio.sleep(0.05)
    assert all(0 < actor.asked <= 16 for actor in actors.values())
    for actor in actors.values():
        actor.load = EngineLoad(running=8, waiting=0, kv_share=0.2)
        actor.may.set()
    await asyncio.gather(*turns)
    assert policy.capacity > 60, "the engines keep up"
    for actor in actors.values():
        actor.load = EngineLoad(running=8, waiting=30, kv_share=1.0)
    await asyncio.gather(*(policy.generate(_request(task=f"task {n}")) for n in range(60)))
    assert policy.capacity < 60, "they do not"
    actors["a"].error = DIED()
    before = policy.capacity
    await asyncio.gather(*(policy.generate(_request(task=f"task {n}")) for n in range(20)))
    assert policy.capacity < before, "what is lost has no room"


async def test_news_of_the_dead_do_not_touch_its_follower() -> None:
    old = _Actor("old", DIED())
    old.may.clear()
    policy = ReplicatedPolicy({"a": old}, max_in_flight=4)
    turn = asyncio.create_task(policy.generate(_request()))
    await asyncio.sleep(0.01)
    await policy.use("a", _Actor("follower"))
    old.may.set()
    assert (await turn).text == "follower"


async def test_a_replica_that_was_out_of_reach_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.replica._AGAIN_S", 0.01)
    actor = _Actor("a", _away())
    policy = ReplicatedPolicy({"a": actor}, max_in_flight=4)
    turn = asyncio.create_task(policy.generate(_request()))
    await asyncio.sleep(0.05)
    actor.error = None
    assert (await turn).text == "a"


@pytest.mark.parametrize("cause", [ContextFull("full"), PolicyError("the engine is dead")])
async def test_what_a_replica_raises_keeps_its_type(cause: Exception) -> None:
    policy = ReplicatedPolicy({"a": _Actor("a", _raised(cause))}, max_in_flight=4)
    with pytest.raises(type(cause), match=str(cause)):
        await policy.generate(_request())


async def test_a_call_that_is_lost_on_the_way_is_a_failure_of_the_policy() -> None:
    policy = ReplicatedPolicy({"a": _Actor("a", ray_exceptions.RayError("lost"))}, max_in_flight=4)
    with pytest.raises(PolicyError, match="lost"):
        await policy.generate(_request())


async def test_a_seat_asks_the_follower_of_a_dead_actor() -> None:
    seat = Seat(_Actor("dead", DIED()))
    call = asyncio.create_task(seat.ask("generate"))
    await asyncio.sleep(0.01)
    seat.take(_Actor("follower"))
    assert (await call).text == "follower"


async def test_a_seat_does_not_wait_for_ever_nor_repeat_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.calls._FOLLOWER_S", 0.0)
    with pytest.raises(ClusterError, match="gone"):
        await Seat(_Actor("dead", DIED())).ask("generate")
    refusing = _Actor("full", _raised(StorageError("disk full")))
    with pytest.raises(StorageError, match="disk full"):
        await Seat(refusing).ask("generate")
    assert refusing.asked == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (lambda: DIED(), ClusterError),
        (lambda: _raised(StorageError("disk full")), StorageError),
        (lambda: _raised(KeyError("a defect")), KeyError),
        (lambda: ray_exceptions.RayError("lost"), ClusterError),
    ],
)
async def test_a_call_raises_what_the_actor_raised(error: Callable[[], Exception], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await answer(_Actor("a", error()).generate.remote())
