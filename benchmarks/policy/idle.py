"""Ray as a run has it, doing nothing: what its processes alone take from an engine on the same CPUs."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure.processes import without_cluster

_ACTORS = 4
"""Conductor, writer, executor and replica."""
_IDLE = f"""
import actors
import ray
ray.init(address="local", include_dashboard=False, log_to_driver=False)
@ray.remote(num_cpus=0)
class Idle:
    async def ready(self):
        return True
idle = [Idle.remote() for _ in range({_ACTORS})]
ray.get([one.ready.remote() for one in idle])
print("ready", flush=True)
input()
"""


@contextlib.contextmanager
def idle_ray() -> Iterator[None]:
    """A cluster of its own, with as many idle actors as a run has."""
    process = subprocess.Popen(
        [sys.executable, "-c", _IDLE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=without_cluster(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("Ray did not start")
        yield
    finally:
        process.stdin.close()
        process.wait(60)
