"""The engine in virtual time: against arithmetic by hand, and against one that goes step by step."""

import math
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.config import SimulationConfig
from medgym_ray.policies.base import EngineLoad
from medgym_ray.policies.batching import EngineModel, EngineRequest, PrefixCache, reply_length

_NUMBERS = SimulationConfig(
    prefill_tokens_s=1000, chunk_tokens=100, step_ms=10, sequence_ms=1, kv_tokens=1000, prefix_cache=True
)


def _drive(engine: EngineModel, arrivals: list[tuple[float, EngineRequest]]) -> list[tuple[float, EngineRequest]]:
    """Replies with the moments they end."""
    waiting, ended = deque(sorted(arrivals, key=lambda a: a[0])), []
    while waiting or engine.boundary < math.inf:
        if waiting and waiting[0][0] <= engine.boundary:
            at, request = waiting.popleft()
            engine.submit(request, at)
        else:
            now = engine.boundary
            ended += [(now, request) for request in engine.advance()]
    return ended


def test_one_sequence_by_hand() -> None:
    """A prompt of 250 tokens in chunks of 100: three steps, of which the last yields the first of 20 tokens."""
    ((at, _),) = _drive(EngineModel(_NUMBERS, 8), [(5.0, EngineRequest(250, 250, 20))])
    assert at == pytest.approx(5.0 + (3 - 1 + 20) * 0.011 + 250 / 1000)


def test_a_short_prompt_costs_its_prefill_and_a_step_per_token() -> None:
    ((at, _),) = _drive(EngineModel(_NUMBERS, 8), [(0.0, EngineRequest(80, 80, 20))])
    assert at == pytest.approx(80 / 1000 + 20 * 0.011)


def test_a_cached_prefix_is_not_prefilled() -> None:
    ((at, _),) = _drive(EngineModel(_NUMBERS, 8), [(0.0, EngineRequest(500, 30, 5))])
    assert at == pytest.approx(30 / 1000 + 5 * 0.011)


def test_what_does_not_fit_the_cache_waits() -> None:
    ended = _drive(EngineModel(_NUMBERS, 8), [(0.0, EngineRequest(100, 100, 500)), (0.0, EngineRequest(100, 100, 500))])
    alone = 0.1 + 500 * 0.011
    assert [at for at, _ in ended] == pytest.approx([alone, 2 * alone])


def test_a_request_too_large_for_the_cache_runs_alone() -> None:
    too_large, small = EngineRequest(5000, 5000, 5), EngineRequest(10, 10, 5)
    assert len(_drive(EngineModel(_NUMBERS, 8), [(0.0, too_large), (0.0, small)])) == 2


_requests = st.lists(
    st.tuples(st.floats(0, 5), st.integers(1, 400), st.integers(0, 400), st.integers(1, 60)), min_size=1, max_size=12
)


def _step_by_step(arrivals: list[tuple[float, EngineRequest]], in_flight: int) -> list[float]:
    """The same engine, one step at a time and no shorter than it has to be."""
    n, clock, ends = _NUMBERS, 0.0, []
    coming = deque(sorted(arrivals, key=lambda a: a[0]))
    waiting: deque[EngineRequest] = deque()
    left: dict[int, int] = {}
    todo: dict[int, tuple[EngineRequest, int]] = {}
    while coming or waiting or todo:
        if not waiting and not todo:
            clock = max(clock, coming[0][0])
        while coming and coming[0][0] <= clock + 1e-9:
            waiting.append(coming.popleft()[1])
        while waiting and len(todo) < in_flight:
            request = waiting[0]
            if todo and sum(r.tokens for r, _ in todo.values()) + request.tokens > n.kv_tokens:
                break
            waiting.popleft()
            todo[id(request)], left[id(request)] = (request, request.reply), request.fresh
        room = n.chunk_tokens
        prefilling = [key for key in todo if key in left]
        work = min(room, sum(left.values()))
        clock += (n.step_ms + n.sequence_ms * len(todo)) / 1000 + work / n.prefill_tokens_s
        for key in prefilling:
            if left[key] > room:
                left[key] -= room
                break
            room -= left.pop(key)
        for key in [key for key in todo if key not in left]:
            request, tokens = todo[key]
            todo[key] = (request, tokens - 1)
            if tokens == 1:
                del todo[key]
                ends.append(clock)
    return ends


@given(_requests, st.integers(1, 6))
def test_leaps_come_to_the_same_as_steps(specification: list[tuple[float, int, int, int]], in_flight: int) -> None:
    arrivals = [
        (round(at, 2), EngineRequest(prompt + fresh, fresh, reply)) for at, prompt, fresh, reply in specification
    ]
    leaping = [at for at, _ in _drive(EngineModel(_NUMBERS, in_flight), arrivals)]
    stepping = _step_by_step(arrivals, in_flight)
    assert len(leaping) == len(stepping) == len(arrivals)
    # An arrival in the very moment in which a step ends may be seen a step sooner or later.
    assert max(leaping) == pytest.approx(max(stepping), abs=0.03 * len(arrivals))


@given(_requests, st.floats(0.01, 3))
def test_an_engine_that_is_lost_answers_everything_after_its_restart(
    specification: list[tuple[float, int, int, int]], fails: float
) -> None:
    engine = EngineModel(_NUMBERS, 4)
    for _, prompt, fresh, reply in specification:
        engine.submit(EngineRequest(prompt + fresh, fresh, reply), 0.0)
    ended = 0
    while engine.boundary <= fails:
        ended += len(engine.advance())
    if engine.boundary < math.inf:
        engine.fail(fails, 7.0)
        assert engine.boundary == fails + 7.0
    while engine.boundary < math.inf:
        ended += len(engine.advance())
    assert ended == len(specification)
    assert engine.requests == 0


def test_two_that_run_make_each_other_a_little_slower() -> None:
    ended = _drive(EngineModel(_NUMBERS), [(0.0, EngineRequest(100, 1, 10)), (0.0, EngineRequest(100, 1, 30))])
    shorter = 0.012 + 0.013 + 8 * 0.012  # the other joins at the second step, with a prefill of a millisecond
    assert [at for at, _ in ended] == pytest.approx([shorter, shorter + 21 * 0.011])


def test_who_waits_is_admitted_when_there_is_room() -> None:
    first, second = (EngineRequest(100, 1, 500) for _ in range(2))
    _drive(EngineModel(_NUMBERS, 1), [(0.0, first), (0.0, second)])
    assert (first.admitted, second.admitted) == (0.0, first.ended)


def test_an_aborted_request_makes_room_after_the_step_under_way() -> None:
    engine = EngineModel(_NUMBERS)
    first, second, third = (EngineRequest(900, 1, 100) for _ in range(3))
    for request in (first, second, third):
        engine.submit(request, 0.0)
    engine.advance()
    assert engine.load == EngineLoad(1, 2, 1.0)
    engine.withdraw(first, 0.5)
    engine.withdraw(second, 0.5)
    assert engine.requests == 1
    while engine.boundary < math.inf:
        engine.advance()
    assert first.ended is second.ended is None
    assert third.admitted == pytest.approx(0.5, abs=0.012)
    assert third.ended == pytest.approx((third.admitted or 0) + 0.001 + 100 * 0.011)
    assert engine.load == EngineLoad(0, 0, 0.0)


@given(_requests, st.lists(st.booleans(), min_size=12, max_size=12), st.floats(0, 3))
def test_what_is_not_aborted_ends_and_nothing_else(
    specification: list[tuple[float, int, int, int]], aborted: list[bool], at: float
) -> None:
    engine = EngineModel(_NUMBERS, 4)
    requests = [EngineRequest(prompt + fresh, fresh, reply) for _, prompt, fresh, reply in specification]
    for request in requests:
        engine.submit(request, 0.0)
    ended = []
    while engine.boundary <= at:
        ended += engine.advance()
    gone = [request for request, leaves in zip(requests, aborted, strict=False) if leaves and request not in ended]
    for request in gone:
        engine.withdraw(request, at)
    while engine.boundary < math.inf:
        ended += engine.advance()
    assert sorted(map(id, [*ended, *gone])) == sorted(map(id, requests))
    assert engine.load == EngineLoad(0, 0, 0.0)


def test_the_cache_knows_sessions_and_tasks_and_forgets_the_oldest() -> None:
    cache = PrefixCache(1000)
    assert cache.match(300, "session", "task") == 0
    cache.keep("session", 300)
    cache.keep("task", 200)
    assert cache.match(400, "session", "task") == 300
    assert cache.match(400, "another", "task") == 200
    assert cache.match(250, "session", "task") == 249, "the last token is always computed"
    cache.keep("large", 600)
    assert cache.match(400, "session") == 0
    assert cache.match(400, "task") == 200
    cache.keep("task", 250)
    assert cache.match(400, "task") == 250


def test_lengths_of_replies_have_their_median() -> None:
    assert reply_length(250, 0.6, 0.0) == 250
    assert reply_length(250, 0.0, 3.0) == 250
    assert reply_length(0.1, 0.0, 0.0) == 1
