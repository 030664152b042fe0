"""The conductor alone: how fast it lends and takes back."""

import asyncio
import time

from actors.cluster import connect, disconnect
from actors.conductor import Conductor, Report
from actors.writer import ShardWriter
from medgym_ray.occupancy import Use
from medgym_ray.tasks.base import Task
from medgym_ray.work import Work

_TASKS, _ROLLOUTS, _AT_ONCE = 1_000, 20, 16


def leases_per_second() -> float:
    """Of one executor that plays sixteen rollouts in no time."""
    connect("local", "benchmark")
    try:
        return asyncio.run(_measure())
    finally:
        disconnect()


async def _measure() -> float:
    import ray  # after the actors, which see to its tokens

    writer = ray.remote(ShardWriter).options(num_cpus=0).remote("/nonexistent", "0", 1 << 20, 300.0)
    book = {"run_key": "k", "rollouts": _ROLLOUTS, "attempts": 3, "seed": 0, "lease_s": 900.0}
    actor = ray.remote(Conductor).options(num_cpus=0, max_concurrency=1000).remote("run", writer, book)
    tasks = [Task(f"family/{n}", "family", "category", "test", {}, {}, "0") for n in range(_TASKS)]
    await actor.add_tasks.remote(tasks)
    await actor.begin.remote({}, {})
    await actor.progress.remote()
    reports: list[Report] = []
    began, over = time.perf_counter(), False
    while not over:
        leases, over = await actor.exchange.remote("executor", reports, _AT_ONCE, 0, Use())
        reports = [Report(lease.trajectory_id, True, Work()) for lease in leases]
    return _TASKS * _ROLLOUTS / (time.perf_counter() - began)
