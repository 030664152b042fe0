"""An engine's arithmetic: by hand where few run, and by what must hold whatever comes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.config import SimulationConfig
from medgym_ray.policies.batching import Batch, EngineSequence, PrefixCache, reply_length

CONFIG = SimulationConfig(
    prefill_tokens_s=1000, chunk_tokens=100, step_ms=10, sequence_ms=1, kv_tokens=1000, prefix_cache=True
)


def _sequence(prompt: int, reply: int, came: float, cached: int = 0) -> EngineSequence:
    return EngineSequence(prompt, prompt - cached, reply, came)


def _ends(batch: Batch, *sequences: EngineSequence) -> list[float]:
    for sequence in sequences:
        batch.add(sequence, sequence.came)
    batch.advance(1e6)
    return [sequence.ended or math.nan for sequence in sequences]


def test_one_request_takes_its_prefill_and_its_steps() -> None:
    # 200 tokens at 1000/s, then 50 steps of 10 + 1 ms
    assert _ends(Batch(CONFIG, 0.0), _sequence(200, 50, 0.0)) == pytest.approx([0.2 + 50 * 0.011])


def test_what_is_cached_needs_no_prefill() -> None:
    assert _ends(Batch(CONFIG, 0.0), _sequence(200, 50, 0.0, cached=150)) == pytest.approx([0.05 + 50 * 0.011])


def test_two_that_run_make_each_other_a_little_slower() -> None:
    alike = _ends(Batch(CONFIG, 0.0), _sequence(100, 10, 0.0, 100), _sequence(100, 10, 0.0, 100))
    assert alike == pytest.approx([10 * 0.012] * 2)
    shorter, longer = _ends(Batch(CONFIG, 0.0), _sequence(100, 10, 0.0, 100), _sequence(100, 30, 0.0, 100))
    assert (shorter, longer) == (pytest.approx(10 * 0.012), pytest.approx(10 * 0.012 + 20 * 0.011))


def test_a_prefill_makes_the_steps_of_others_longer() -> None:
    running, coming = _sequence(100, 10, 0.0, 100), _sequence(100, 1, 0.0)
    # One step of 10 + 1 + 100 ms; nine of which the first has two running.
    assert _ends(Batch(CONFIG, 0.0), running, coming)[0] == pytest.approx(0.111 + 0.012 + 8 * 0.011)


def test_who_does_not_fit_waits_and_the_first_comes_first() -> None:
    first, second, third = (_sequence(500, 100, 0.0, 500) for _ in range(3))
    batch = Batch(CONFIG, 0.0)
    ends = _ends(batch, first, second, third)
    assert ends == pytest.approx([100 * 0.011, 200 * 0.011, 300 * 0.011])
    assert (second.admitted, third.admitted) == (pytest.approx(ends[0]), pytest.approx(ends[1]))


def test_one_that_never_fits_runs_alone() -> None:
    assert _ends(Batch(CONFIG, 0.0), _sequence(5000, 10, 0.0, 5000)) == pytest.approx([0.11])


def test_an_aborted_request_makes_room() -> None:
    first, second = (_sequence(900, 100, 0.0, 900) for _ in range(2))
    batch = Batch(CONFIG, 0.0)
    batch.add(first, 0.0)
    batch.add(second, 0.0)
    assert (batch.load.running, batch.load.waiting, batch.load.kv_share) == (1, 1, 1.0)
    batch.remove(first, 0.5)
    batch.advance(10.0)
    assert (first.ended, second.ended) == (None, pytest.approx(0.5 + 100 * 0.011))
    assert batch.load.running == 0
    assert batch.next_event() is None


_COMING = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 200), st.floats(0, 5), st.floats(0, 1)), max_size=20)


@given(_COMING, st.lists(st.floats(0, 20), max_size=10))
def test_all_come_to_an_end_however_often_one_looks(
    coming: list[tuple[int, int, float, float]], looks: list[float]
) -> None:
    coming.sort(key=lambda request: request[2])
    seen, unseen = ([_sequence(p, r, came, int(p * share)) for p, r, came, share in coming] for _ in range(2))
    often, once = Batch(CONFIG, 0.0), Batch(CONFIG, 0.0)
    ended: list[EngineSequence] = []
    moments = [(at, None) for at in looks] + [(sequence.came, sequence) for sequence in seen]
    for at, sequence in sorted(moments, key=lambda moment: moment[0]):
        ended += often.advance(at) if sequence is None else often.add(sequence, at)
    ended += often.advance(1e6)
    assert sorted(map(id, ended)) == sorted(map(id, seen)), "each ends once"
    assert often.load.running == often.load.waiting == 0
    assert _ends(once, *unseen) == pytest.approx([sequence.ended for sequence in seen], rel=1e-6, abs=1e-6)
    for sequence in seen:
        assert sequence.admitted is not None
        assert sequence.ended is not None
        assert sequence.came <= sequence.admitted
        alone = sequence.uncached / 1000 + sequence.reply * 0.011
        assert sequence.ended - sequence.admitted >= alone * (1 - 1e-6), "nothing is faster than alone"


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
