"""The conductor without Ray: one that follows a dead one goes on with its counts."""

from typing import Any

from actors.conductor import Conductor, Report
from medgym_ray.leases import Lease
from medgym_ray.occupancy import Use
from medgym_ray.sampling.goal import Goal
from medgym_ray.tasks.base import Task
from medgym_ray.work import Work

TASKS = [Task(f"f/{n}", "f", "c", "test", {}, {}, "0") for n in range(3)]
BOOK = {"run_key": "key", "rollouts": 8, "attempts": 1, "seed": 0, "lease_s": 100.0, "goal": Goal(2, 2, 20)}


async def _begun(done: dict[str, bool], held: dict[str, list[Lease]], **more: Any) -> Conductor:
    conductor = Conductor("run", None, BOOK | more)
    await conductor.add_tasks(TASKS)
    await conductor.begin(done, held)
    return conductor


def _played(leases: list[Lease], done: dict[str, bool]) -> list[Report]:
    reports = []
    for lease in leases:
        success = done[lease.trajectory_id] = lease.task.task_id != "f/0" and lease.rollout_index % 2 == 0
        reports.append(Report(lease.trajectory_id, success, Work(turns=1)))
    return reports


async def _exchange(conductor: Conductor, reports: list[Report], wanted: int) -> tuple[list[Lease], bool]:
    return await conductor.exchange("a", reports, wanted, 0, Use())


async def test_a_follower_knows_what_succeeded_and_what_is_spared() -> None:
    done: dict[str, bool] = {}
    first = await _begun({}, {})
    leases, _ = await _exchange(first, [], 9)
    await _exchange(first, _played(leases[:6], done), 0)
    before = await first.progress()
    follower = await _begun(
        dict(done), {"a": leases[6:]}, earlier=0, successes=before.counts.successes, worked_s=before.worked_s
    )
    assert (await follower.progress()).counts == before.counts
    reports, over = _played(leases[6:], done), False
    while not over:
        leases, over = await _exchange(follower, reports, 2)
        reports = _played(leases, done)
    counts = (await follower.progress()).counts
    assert counts.done == len(done) <= 20
    assert counts.done + counts.spared == counts.requested
    assert (counts.earlier, counts.successes) == (0, sum(done.values()))


async def test_a_report_that_comes_twice_counts_once() -> None:
    conductor = await _begun({}, {}, goal=None)
    leases, _ = await _exchange(conductor, [], 2)
    reports = _played(leases, {})
    await _exchange(conductor, reports, 0)
    await _exchange(conductor, reports, 0)
    progress = await conductor.progress()
    assert (progress.counts.done, progress.work.turns) == (2, 2)
