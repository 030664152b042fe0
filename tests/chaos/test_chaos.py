"""Parts of real runs are killed at random moments; nothing acknowledged is lost, nothing is there twice."""

from pathlib import Path
from random import Random

import pytest

from benchmarks.chaos import ALL_KINDS, disturb, durable, judge, play, rewards, workload


@pytest.mark.xdist_group("chaos")
def test_a_run_with_every_kind_of_kill_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    random = Random(20)
    work = workload(tmp_path, tasks=6, rollouts=3)
    play(work, tmp_path / "undisturbed")
    undisturbed = rewards(tmp_path / "undisturbed")
    assert len(undisturbed) == work.expected
    assert set(undisturbed.values()) == {0.0, 1.0}

    kinds = random.sample(ALL_KINDS[:-1], len(ALL_KINDS) - 1)
    kinds.insert(random.randrange(2, len(kinds)), ALL_KINDS[-1])
    run = tmp_path / "disturbed"
    disturbed = disturb(work, run, kinds, random, (0.2, 0.8))
    assert disturbed.code == 0, disturbed.said
    assert "Traceback" not in disturbed.said
    assert disturbed.killed.total() >= 4, disturbed.said
    assert disturbed.acknowledged <= durable(run)
    assert not judge(run, disturbed, undisturbed), disturbed.said
