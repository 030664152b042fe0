"""A session stays where its prefix is cached, unless that replica is full or gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.policies.routing import Router

NAMES = ["r0", "r1", "r2"]


def _filled(router: Router, **load: int) -> None:
    for replica, count in load.items():
        for _ in range(count):
            router.begin(replica)


def test_a_session_stays_and_the_rollouts_of_a_task_start_together() -> None:
    router = Router(NAMES, limit=4)
    home = router.choose("s", "task")
    assert {router.choose(f"s{n}", "task") for n in range(20)} == {home}
    _filled(router, **{home: 3})
    assert router.choose("s", "another task") == home


def test_tasks_spread_over_the_replicas() -> None:
    router = Router(NAMES, limit=4)
    assert {router.choose(f"s{n}", f"task {n}") for n in range(50)} == set(NAMES)


def test_a_full_home_is_left_for_the_idlest_and_not_returned_to() -> None:
    router = Router(NAMES, limit=2)
    home = router.choose("s", "task")
    busier, idlest = (name for name in NAMES if name != home)
    _filled(router, **{home: 2, busier: 1})
    assert router.choose("s", "task") == idlest
    router.end(home)
    assert router.choose("s", "task") == idlest, "its prefix is there by now"


def test_where_all_are_full_a_session_keeps_its_prefix() -> None:
    router = Router(NAMES, limit=2)
    home = router.choose("s", "task")
    _filled(router, **dict.fromkeys(NAMES, 2), **{})
    router.begin(home)
    assert router.choose("s", "task") == home


def test_a_replica_to_avoid_is_avoided_while_there_is_another() -> None:
    router = Router(NAMES, limit=9)
    home = router.choose("s", "task")
    moved = router.choose("s", "task", avoid=[home])
    assert moved != home
    assert router.choose("s", "task") == moved
    assert router.choose("s", "task", avoid=NAMES) in NAMES


def test_a_session_that_is_forgotten_starts_at_its_groups_home_again() -> None:
    router = Router(NAMES, limit=9)
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
def test_the_choice_is_usable_and_loads_never_go_below_nothing(
    requests: list[tuple[str, str, set[str], bool]], limit: int
) -> None:
    router = Router(NAMES, limit)
    running: list[str] = []
    for session, group, avoid, ends in requests:
        load = {name: running.count(name) for name in NAMES}
        chosen = router.choose(session, group, avoid)
        usable = set(NAMES) - avoid or set(NAMES)
        assert chosen in usable
        assert load[chosen] < limit or all(load[name] >= limit for name in usable) or load[chosen] == min(load.values())
        router.begin(chosen)
        running.append(chosen)
        if ends:
            router.end(running.pop(0))
        assert {n: c for n, c in router.load.items() if c} == {n: running.count(n) for n in NAMES if n in running}
