"""Many episodes at once: as many single environments would play them, concurrently and on one stage."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import psutil
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from medgym_ray.environment.registration import environment_id
from medgym_ray.environment.vector import MedgymVectorEnv
from tests.environment.oracles import gold_replies, sample_tasks, timeless

FAMILY = "medcalcbench"
WRONG = '{"action": "submit", "params": {"answer": "certainly not"}}'
LOOK = '{"action": "code_execution", "params": {"code": "print(6 * 7)"}}'
Vector = VectorEnv[Any, Any, Any]


@contextmanager
def made(places: int, mode: str | None = None, **options: Any) -> Iterator[Vector]:
    environment = gymnasium.make_vec(environment_id(FAMILY), places, mode, **options)
    try:
        yield environment
    finally:
        environment.close()


def told(infos: dict[str, Any]) -> dict[str, Any]:
    """What is comparable: records without their times."""
    known = dict(infos)
    if "trajectory" in known:
        known["trajectory"] = [timeless(each) if each is not None else None for each in known["trajectory"]]
    return {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in known.items()}


def script(environment: Vector) -> list[Any]:
    """Some steps in which places end at different times, and go on; the observed."""
    gold = {task.task_id: gold_replies(task)[-1] for task in sample_tasks(FAMILY)}
    observations, infos = environment.reset(seed=11)
    seen: list[Any] = [observations, told(infos)]
    replies = [(LOOK, "nothing", WRONG), (gold[infos["task_id"][0]], LOOK, "passed over"), ("passed over", LOOK, LOOK)]
    for batch in replies:
        observations, rewards, terminations, truncations, infos = environment.step(batch)
        assert rewards.dtype == np.float64
        assert terminations.dtype == truncations.dtype == np.bool_
        seen.append([observations, rewards.tolist(), terminations.tolist(), truncations.tolist(), told(infos)])
    return seen


def test_it_does_what_as_many_single_environments_do() -> None:
    with made(3, max_turns=3) as ours, made(3, "sync", max_turns=3) as theirs:
        assert isinstance(ours.unwrapped, MedgymVectorEnv)
        assert isinstance(theirs, SyncVectorEnv)
        assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
        assert ours.observation_space == theirs.observation_space
        played = script(ours)
        assert played == script(theirs)
    _, rewards, terminations, truncations, infos = played[3]
    assert played[2][1:3] == [[0.0, 0.0, 0.0], [False, False, True]]
    assert (rewards, terminations, truncations) == ([1.0, 0.0, 0.0], [True, False, False], [False, False, False])
    assert infos["_trajectory"] == [True, False, False]
    assert played[4][3] == [False, True, False], "the second has had its three turns"


def test_one_task_for_all_is_a_group() -> None:
    (task,) = sample_tasks(FAMILY, limit=1)
    with made(4) as environment:
        observations, infos = environment.reset(options={"task_id": task.task_id})
        assert set(infos["task_id"]) == {task.task_id}
        assert len(set(observations)) == 1
        _, rewards, terminations, _, infos = environment.step([gold_replies(task)[-1], WRONG, WRONG, "?"])
        assert rewards.tolist() == [1.0, 0.0, 0.0, 0.0]
        assert terminations.tolist() == [True, True, True, False]
        identities = {record.trajectory_id for record in infos["trajectory"] if record is not None}
        assert len(identities) == 3
        assert len({record.group_id for record in infos["trajectory"] if record is not None}) == 1


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="as many cells at a time as there are cores")
def test_its_episodes_run_at_once() -> None:
    """Neither cell ends before the other has begun."""
    code = "import time; print(time.time()); time.sleep(2); print(time.time())"
    reply = f'{{"action": "code_execution", "params": {{"code": "{code}"}}}}'
    with made(2) as environment:
        environment.reset(seed=1)
        environment.step(['{"action": "terminal", "params": {"cmd": "touch file"}}'] * 2)  # both hold a sandbox now
        observations, *_ = environment.step([reply, reply])
    begun, ended = zip(*((float(time) for time in text.split()[-2:]) for text in observations), strict=True)
    assert max(begun) < min(ended)


def test_closing_leaves_nothing_and_a_batch_has_its_size() -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with made(2) as environment:
        environment.reset(seed=[1, None])
        with pytest.raises(ValueError, match="1 actions for 2 environments"):
            environment.step([LOOK])
        environment.step(['{"action": "terminal", "params": {"cmd": "sleep 3600 & touch file"}}'] * 2)
    assert {child.pid for child in psutil.Process().children(recursive=True)} == before
    environment.close()
