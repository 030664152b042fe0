"""Small runs as `generate` leaves them, made of outcomes."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medgym_ray.config import GenerateConfig, ModelConfig, SamplingConfig, SandboxConfig
from medgym_ray.events import Event, RunStarted, render
from medgym_ray.identity import identity
from medgym_ray.store.layout import EVENTS, line_file
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.roots import Root
from medgym_ray.store.run import write_run_file
from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import Failure, Trajectory, trajectory_id
from tests.records import make_trajectory

Outcomes = Mapping[str, Sequence[bool]]
"""By task, `family/id`: whether each of its rollouts succeeded."""


def played(outcomes: Outcomes, run: str = "run", **fields: Any) -> list[Trajectory]:
    """A trajectory for each outcome; `fields` override."""
    return [
        make_trajectory(
            trajectory_id(run, task_id, place),
            **{
                "task_id": task_id,
                "family": task_id.partition("/")[0],
                "rollout_index": place,
                "success": success,
                "reward": float(success),
                "reward_paper": 1.0,
                "termination": "success" if success else "wrong",
                **fields,
            },
        )
        for task_id, of_task in outcomes.items()
        for place, success in enumerate(of_task)
    ]


def keep(
    root: Root,
    trajectories: Sequence[Trajectory],
    *,
    model: str = "toy",
    rollouts: int = 1,
    failures: Sequence[Failure] = (),
    events: Sequence[Event] = (),
    **sampling: Any,
) -> Root:
    """A run's directory, in two shards where there are trajectories for two."""
    config = GenerateConfig(
        model=ModelConfig(name=model, kind="oracle"),
        sampling=SamplingConfig(rollouts=rollouts, **sampling),
        sandbox=SandboxConfig(kind="namespace"),
    )
    prepare_directory(root)
    write_run_file(root, identity(config), dataclasses.asdict(config), {"medgym_ray": "0"})
    half = (len(trajectories) + 1) // 2
    for number, part in enumerate((trajectories[:half], trajectories[half:])):
        asyncio.run(_append(root, str(number), part, failures if number == 0 else ()))
    if events and isinstance(root, Path):
        lines = b"".join(render(event) + b"\n" for event in events)
        (root / line_file(EVENTS)).write_bytes(lines)
    return root


async def _append(root: Root, name: str, records: Sequence[Trajectory], failures: Sequence[Failure]) -> None:
    writer = DurableWriter(root, name, (), shard_bytes=1 << 30, shard_s=1e6)
    for record in records:
        await writer.append(record)
    for failure in failures:
        await writer.append_failure(failure)
    await writer.close()


def run_started(tasks: int, rollouts: int) -> RunStarted:
    """A command began with so many tasks."""
    return RunStarted(run_id="run", model="toy", tasks=tasks, rollouts=rollouts, durable=0, versions={})
