"""The engine in virtual time: against arithmetic by hand, and against one that goes step by step."""

import math
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgym_ray.config import SimulationConfig
from medgym_ray.planning.engine import Cores, Engine, Request

_NUMBERS = SimulationConfig(
    prefill_tokens_s=1000, chunk_tokens=100, step_ms=10, sequence_ms=1, kv_tokens=1000, prefix_cache=True
)


def _drive(engine: Engine, arrivals: list[tuple[float, Request]]) -> list[tuple[float, Request]]:
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
    ((at, _),) = _drive(Engine(_NUMBERS, 8), [(5.0, Request(250, 250, 20))])
    assert at == pytest.approx(5.0 + (3 - 1 + 20) * 0.011 + 250 / 1000)


def test_a_short_prompt_costs_its_prefill_and_a_step_per_token() -> None:
    ((at, _),) = _drive(Engine(_NUMBERS, 8), [(0.0, Request(80, 80, 20))])
    assert at == pytest.approx(80 / 1000 + 20 * 0.011)


def test_a_cached_prefix_is_not_prefilled() -> None:
    ((at, _),) = _drive(Engine(_NUMBERS, 8), [(0.0, Request(500, 30, 5))])
    assert at == pytest.approx(30 / 1000 + 5 * 0.011)


def test_what_does_not_fit_the_cache_waits() -> None:
    ended = _drive(Engine(_NUMBERS, 8), [(0.0, Request(100, 100, 500)), (0.0, Request(100, 100, 500))])
    alone = 0.1 + 500 * 0.011
    assert [at for at, _ in ended] == pytest.approx([alone, 2 * alone])


def test_a_request_too_large_for_the_cache_runs_alone() -> None:
    assert len(_drive(Engine(_NUMBERS, 8), [(0.0, Request(5000, 5000, 5)), (0.0, Request(10, 10, 5))])) == 2


_requests = st.lists(
    st.tuples(st.floats(0, 5), st.integers(1, 400), st.integers(0, 400), st.integers(1, 60)), min_size=1, max_size=12
)


def _step_by_step(arrivals: list[tuple[float, Request]], in_flight: int) -> list[float]:
    """The same engine, one step at a time and no shorter than it has to be."""
    n, clock, ends = _NUMBERS, 0.0, []
    coming = deque(sorted(arrivals, key=lambda a: a[0]))
    waiting: deque[Request] = deque()
    left: dict[int, int] = {}
    todo: dict[int, tuple[Request, int]] = {}
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


@settings(deadline=None)
@given(_requests, st.integers(1, 6))
def test_leaps_come_to_the_same_as_steps(specification: list[tuple[float, int, int, int]], in_flight: int) -> None:
    arrivals = [(round(at, 2), Request(prompt + fresh, fresh, reply)) for at, prompt, fresh, reply in specification]
    leaping = [at for at, _ in _drive(Engine(_NUMBERS, in_flight), arrivals)]
    stepping = _step_by_step(arrivals, in_flight)
    assert len(leaping) == len(stepping) == len(arrivals)
    # An arrival in the very moment in which a step ends may be seen a step sooner or later.
    assert max(leaping) == pytest.approx(max(stepping), abs=0.03 * len(arrivals))


@given(_requests, st.floats(0.01, 3))
def test_an_engine_that_is_lost_answers_everything_after_its_restart(
    specification: list[tuple[float, int, int, int]], fails: float
) -> None:
    engine = Engine(_NUMBERS, 4)
    for _, prompt, fresh, reply in specification:
        engine.submit(Request(prompt + fresh, fresh, reply), 0.0)
    ended = 0
    while engine.boundary <= fails:
        ended += len(engine.advance())
    if engine.boundary < math.inf:
        engine.fail(fails, 7.0)
        assert engine.boundary == fails + 7.0
    while engine.boundary < math.inf:
        ended += len(engine.advance())
    assert ended == len(specification)
    assert engine.load == 0


def test_cores_are_shared_evenly() -> None:
    cores = Cores(1.0)
    cores.add(1.0, "short", 0.0)
    cores.add(2.0, "long", 0.0)
    assert cores.boundary() == pytest.approx(2.0)
    assert cores.advance() == "short"
    assert cores.boundary() == pytest.approx(3.0)
    assert cores.advance() == "long"
    assert cores.used_s == pytest.approx(3.0)


def test_a_job_uses_one_core_only() -> None:
    cores = Cores(8.0)
    cores.add(1.0, "job", 2.0)
    assert cores.boundary() == pytest.approx(3.0)
