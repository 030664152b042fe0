"""Parts of real runs are killed at random moments; nothing acknowledged is lost, nothing is there twice."""

from pathlib import Path
from random import Random

import pytest

from benchmarks.chaos.__main__ import scene
from benchmarks.chaos.disturb import DRIVER, Disturbance
from benchmarks.chaos.verdict import durable, judge, rewards
from benchmarks.chaos.workload import play


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("sandbox", "kills"), [("namespace", 20), pytest.param("docker", 12, marks=pytest.mark.docker)]
)
def test_runs_with_every_kind_of_kill_end_like_an_undisturbed_one(tmp_path: Path, sandbox: str, kills: int) -> None:
    with scene(tmp_path, sandbox, tasks=12, rollouts=3) as (work, victims):
        play(work, tmp_path / "undisturbed")
        undisturbed = rewards(tmp_path / "undisturbed")
        assert len(undisturbed) == work.expected
        assert set(undisturbed.values()) == {0.0, 1.0}

        disturb = Disturbance(victims, Random(20), (0.2, 0.8), kills)
        number = 0
        while disturb.left:
            run = tmp_path / f"run-{number}"
            disturbed = disturb(work, run)
            assert disturbed.code == 0, disturbed.said
            assert "Traceback" not in disturbed.said
            assert disturbed.acknowledged <= durable(run)
            assert not judge(run, disturbed.acknowledged, undisturbed), disturbed.said
            number += 1
    assert set(disturb.killed) == {DRIVER, *victims}
