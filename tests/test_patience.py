"""Deaths are borne without end while the run gets on, and a few times where it does not."""

from medgym_ray.patience import Patience


def test_pauses_grow_to_a_bound_and_then_it_is_enough() -> None:
    patience = Patience(8)
    assert [patience.pause(0) for _ in range(9)] == [0.0, 1.0, 3.0, 7.0, 15.0, 30.0, 30.0, 30.0, None]


def test_a_rollout_that_ends_starts_the_count_again() -> None:
    patience = Patience(2)
    assert [patience.pause(done) for done in range(100)] == [0.0] * 100
    assert [patience.pause(99), patience.pause(99), patience.pause(100)] == [1.0, None, 0.0]
