"""Executors go where the processors are."""

from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.placement import allot


def test_one_executor_per_two_processors_as_far_as_there_is_work() -> None:
    nodes = {"a": 8.0, "b": 4.0, "head": 0.0}
    assert allot(nodes, 0, wanted=99, fixed=None) == {"a": 4, "b": 2, "head": 0}
    assert allot(nodes, 4, wanted=99, fixed=None) == {"a": 3, "b": 1, "head": 0}
    assert allot(nodes, 0, wanted=2, fixed=None) == {"a": 2, "b": 0, "head": 0}
    assert allot({"a": 4.0, "b": 4.0}, 0, wanted=2, fixed=None) == {"a": 1, "b": 1}


def test_at_least_one_and_what_the_user_insists_on() -> None:
    assert allot({"laptop": 1.0}, 0.5, wanted=9, fixed=None) == {"laptop": 1}
    assert allot({"a": 2.0, "b": 2.0}, 0, wanted=1, fixed=6) == {"a": 3, "b": 3}
    assert allot({}, 0, wanted=9, fixed=None) == {}


@given(
    st.dictionaries(st.text(max_size=3), st.floats(0, 512), min_size=1, max_size=8),
    st.floats(0, 64),
    st.integers(0, 500),
)
def test_a_node_that_joins_takes_nothing_from_the_work_and_no_node_is_overfull(
    nodes: dict[str, float], taken: float, wanted: int
) -> None:
    given_ = allot(nodes, taken, wanted, None)
    assert 1 <= sum(given_.values()) <= max(1, wanted)
    assert sum(allot(nodes | {"new": 64.0}, taken, wanted, None).values()) >= sum(given_.values())
    if sum(given_.values()) > 1:
        assert all(number <= nodes[node] / 2 + 1 for node, number in given_.items())
