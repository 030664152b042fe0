"""A session stays where its prefix is cached, unless that replica is full and far busier; windows follow the engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.policies.base import EngineLoad
from medgym_ray.policies.routing import Router, Window

NAMES = ["r0", "r1", "r2"]


def _filled(router: Router, **load: int) -> None:
    for replica, count in load.items():
        for _ in range(count):
            router.begin(replica)


def test_a_session_stays_and_the_rollouts_of_a_task_start_together() -> None:
    router = Router(NAMES, 4)
    home = router.choose("s", "task")
    assert {router.choose(f"s{n}", "task") for n in range(20)} == {home}
    _filled(router, **{home: 3})
    assert router.choose("s", "another task") == home


def test_tasks_spread_over_the_replicas() -> None:
    router = Router(NAMES, 4)
    assert {router.choose(f"s{n}", f"task {n}") for n in range(50)} == set(NAMES)


def test_a_full_home_is_left_for_one_far_less_busy_and_not_returned_to() -> None:
    router = Router(NAMES, 4)
    home = router.choose("s", "task")
    busier, idlest = (name for name in NAMES if name != home)
    _filled(router, **{home: 4, busier: 2, idlest: 1})
    assert router.choose("s", "task") == idlest
    for _ in range(4):
        router.end(home)
    assert router.choose("s", "task") == idlest, "its prefix is there by now"


def test_a_prefix_is_worth_a_short_wait() -> None:
    router = Router(NAMES, 4)
    home = router.choose("s", "task")
    _filled(router, **(dict.fromkeys(NAMES, 2) | {home: 4}))
    assert router.choose("s", "task") == home
    _filled(router, **{home: 1})
    assert router.choose("s", "task") != home


def test_where_all_are_full_a_session_keeps_its_prefix() -> None:
    router = Router(NAMES, 2)
    home = router.choose("s", "task")
    _filled(router, **dict.fromkeys(NAMES, 2))
    router.begin(home)
    assert router.choose("s", "task") == home


def test_new_sessions_of_a_full_group_do_not_all_run_to_the_idlest() -> None:
    router = Router([f"r{n}" for n in range(8)], 4)
    home = router.choose("s", "task")
    _filled(router, **{home: 9})
    assert len({router.choose(f"s{n}", "task") for n in range(60)} - {home}) > 4


def test_what_others_have_sent_to_a_replica_counts_and_fades() -> None:
    router = Router(["r0", "r1"], 2)
    home = router.choose("s", "task")
    other = "r1" if home == "r0" else "r0"
    _filled(router, **{home: 2})
    router.hear(other, EngineLoad(running=40, waiting=0, kv_share=0.5))
    assert router.choose("s", "task") == home, "it is busy with others' requests"
    for _ in range(40):
        router.hear(home, EngineLoad(running=2, waiting=0, kv_share=0.1))
    assert router.choose("s", "task") == other


def test_a_replica_to_avoid_is_avoided_while_there_is_another() -> None:
    router = Router(NAMES, 9)
    home = router.choose("s", "task")
    moved = router.choose("s", "task", avoid=[home])
    assert moved != home
    assert router.choose("s", "task") == moved
    assert router.choose("s", "task", avoid=NAMES) in NAMES


def test_a_session_that_is_forgotten_starts_at_its_groups_home_again() -> None:
    router = Router(NAMES, 9)
    home = router.choose("s", "task")
    router.choose("s", "task", avoid=[home])
    router.forget("s")
    router.forget("never seen")
    assert router.choose("s", "task") == home


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_first_choice_is_the_same_in_every_process(count: int) -> None:
    names = [f"r{n}" for n in range(count)]
    assert [Router(names, 1).choose("a", f"t{n}") for n in range(9)] == [
        Router(names, 1).choose("b", f"t{n}") for n in range(9)
    ]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy"), st.sets(st.sampled_from(NAMES)), st.booleans())),
    st.integers(1, 3),
)
def test_the_choice_is_usable_and_nobody_waits_beside_an_idle_replica(
    requests: list[tuple[str, str, set[str], bool]], most: int
) -> None:
    router = Router(NAMES, most)
    running: list[str] = []
    for session, group, avoid, ends in requests:
        known = {name: running.count(name) for name in NAMES}
        usable = set(NAMES) - avoid or set(NAMES)
        settled = session in router._homes
        chosen = router.choose(session, group, avoid)
        assert chosen in usable
        if settled:
            assert known[chosen] < most or all(known[name] for name in usable), "an idle one was there"
        router.begin(chosen)
        running.append(chosen)
        if ends:
            router.end(running.pop(0))
        assert router.load == {name: running.count(name) for name in NAMES}


IDLE, QUEUES = EngineLoad(8, 0, 0.3), EngineLoad(64, 40, 0.99)


def _rounds(window: Window, load: EngineLoad, count: int) -> list[int]:
    sizes = []
    for _ in range(count):
        for _ in range(window.size):
            window.learn(load)
        sizes.append(window.size)
    return sizes


def test_a_window_doubles_until_the_first_congestion_then_grows_by_one() -> None:
    window = Window(256)
    assert _rounds(window, IDLE, 2) == [32, 64]
    assert _rounds(window, QUEUES, 2) == [32, 16]
    assert _rounds(window, IDLE, 3) == [16, 17, 18], "the first of these were sent before the last cut"


def test_a_window_never_passes_what_the_user_allows_nor_falls_below_one() -> None:
    assert _rounds(Window(20), IDLE, 4)[-1] == 20
    assert _rounds(Window(3), EngineLoad(2, 0, 0.3), 1) == [3]
    assert _rounds(Window(64), QUEUES, 20)[-1] == 1


def test_preemptions_and_other_executors_requests_make_it_smaller() -> None:
    assert _rounds(Window(64), EngineLoad(8, 0, 1.0, preemptions=1), 1) == [8]
    assert _rounds(Window(64), EngineLoad(90, 0, 0.5), 1) == [8]
    preempted_long_ago = Window(64)
    _rounds(preempted_long_ago, EngineLoad(8, 0, 0.5, preemptions=1), 1)
    assert _rounds(preempted_long_ago, EngineLoad(8, 0, 0.5, preemptions=1), 2) == [8, 9]


def test_an_engine_that_says_nothing_is_given_what_the_user_allows() -> None:
    window = Window(64)
    window.learn(None)
    assert window.size == 64


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 3))), st.integers(1, 100))
def test_a_window_stays_in_its_bounds(loads: list[tuple[int, int, int]], most: int) -> None:
    window = Window(most)
    for running, waiting, preemptions in loads:
        window.learn(EngineLoad(running, waiting, 0.5, preemptions))
        assert 1 <= window.size <= most
