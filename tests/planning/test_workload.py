"""Episodes to be played in virtual time."""

from random import Random
from statistics import mean, median

import pytest

from medgym_ray.planning.workload import EpisodeShape, LogNormal, Recorded, TurnShape, Workload


def test_replies_have_the_median_and_the_mean_they_are_said_to_have() -> None:
    replies, random = LogNormal(250, 0.6, 100_000), Random(1)
    drawn = [replies.draw(random) for _ in range(20_000)]
    assert median(drawn) == pytest.approx(250, rel=0.03)
    assert mean(drawn) == pytest.approx(replies.mean(), rel=0.03)


def test_replies_are_cut() -> None:
    random = Random(1)
    assert max(LogNormal(250, 0.6, 300).draw(random) for _ in range(1000)) == 300
    assert {Recorded([5, 900], 300).draw(random) for _ in range(100)} == {5, 300}
    assert Recorded([100, 900], 300).mean() == 200


def test_an_episode_ends_where_its_bounds_are() -> None:
    shape = EpisodeShape(100, (TurnShape(40, 10, True),) * 5)
    replies = LogNormal(250, 0.6, 2048)
    random = Random(1)
    assert len(Workload([shape], replies, 3, 32768).draw(random).turns) == 3
    cut = Workload([shape], replies, 15, 180).draw(random)
    assert [turn.reply for turn in cut.turns] == [40, 30]
    assert Workload([shape], replies, 15, 100).draw(random).turns == ()


def test_means() -> None:
    shapes = [EpisodeShape(100, (TurnShape(40, 10, True),)), EpisodeShape(300, (TurnShape(20, 30, False),) * 3)]
    means = Workload(shapes, LogNormal(250, 0.6, 2048), 15, 32768).mean()
    assert (means.prompt_tokens, means.turns, means.executions) == (200, 2, 0.5)
    assert (means.reply_tokens, means.observation_tokens) == (25, 25)
    assert (means.generated_tokens, means.tokens, means.context_tokens) == (50, 300, 250)
