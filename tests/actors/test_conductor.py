"""The conductor without Ray: one that follows a dead one goes on with its counts."""

from typing import Any

from actors.conductor import Conductor, Report
from medgym_ray.leases import Lease
from medgym_ray.sampling.goal import Goal
from medgym_ray.tasks.base import Task

TASKS = [Task(f"f/{n}", "f", "c", "test", {}, {}, "0") for n in range(3)]
BOOK = {"run_key": "key", "rollouts": 8, "attempts": 1, "seed": 0, "lease_s": 100.0, "goal": Goal(2, 2, 20)}


async def _begun(done: dict[str, bool], held: dict[str, list[Lease]], **more: Any) -> Conductor:
    conductor = Conductor("run", None, BOOK | more)
    await conductor.add_tasks(TASKS)
    await conductor.begin(done, held)
    return conductor


async def _play(conductor: Conductor, leases: list[Lease], done: dict[str, bool]) -> None:
    for lease in leases:
        success = done[lease.trajectory_id] = lease.task.task_id != "f/0" and lease.rollout_index % 2 == 0
        await conductor.complete(Report(lease.trajectory_id, success, 1))


async def test_a_follower_knows_what_succeeded_and_what_is_spared() -> None:
    done: dict[str, bool] = {}
    first = await _begun({}, {})
    leases, _ = await first.take("a", 9)
    await _play(first, leases[:6], done)
    before = await first.progress()
    follower = await _begun(
        dict(done), {"a": leases[6:]}, earlier=0, successes=before.counts.successes, worked_s=before.worked_s
    )
    assert (await follower.progress()).counts == before.counts
    await _play(follower, leases[6:], done)
    over = False
    while not over:
        leases, over = await follower.take("a", 2)
        await _play(follower, leases, done)
    counts = (await follower.progress()).counts
    assert counts.done == len(done) <= 20
    assert counts.done + counts.spared == counts.requested
    assert (counts.earlier, counts.successes) == (0, sum(done.values()))
