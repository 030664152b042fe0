"""Stored runs for tests, made of rollouts that are a few words long."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets

from medgym_ray.config import TargetConfig
from medgym_ray.export.__main__ import run
from medgym_ray.export.settings import ExportConfig, FilterConfig, PairsConfig, SplitConfig
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_run_file
from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import Trajectory, Turn
from tests.records import make_trajectory


def rollout(number: int, task: str, replies: Sequence[str], *, success: bool, **fields: Any) -> Trajectory:
    """The agent says `replies`, each but the last is answered; token ids are the positions of what they stand for."""
    messages = [{"role": "system", "content": "rules"}, {"role": "user", "content": f"do {task}"}]
    for reply in replies:
        messages += [{"role": "assistant", "content": reply}, {"role": "user", "content": f"saw {reply}"}]
    turns = [Turn(action="code_execution", arguments="{}", status="ok") for _ in replies]
    if turns:
        turns[-1] = Turn(action="submit", arguments="{}", status="ok", reward_if_graded=float(success))
    mask = [0, 0, 0] + [1, 1, 0] * len(replies)
    content: dict[str, Any] = {
        "task_id": f"f/{task}",
        "group_id": f"run/{task}",
        "messages": messages[:-1] if replies else messages,
        "turns": turns,
        "num_turns": len(turns),
        "token_ids": list(range(100 * number, 100 * number + len(mask))),
        "loss_mask": mask,
        "logprobs": [0.0] * len(mask),
        "append_only": True,
        "retokenize_match": True,
        "reward": float(success),
        "success": success,
        "termination": "success" if success else "wrong",
    }
    return make_trajectory(f"{number:032x}", **(content | fields))


def write_run(root: Path, trajectories: Sequence[Trajectory], *, shard_bytes: int = 1, key: str = "one") -> Path:
    """A run's directory; by default a shard for each trajectory."""
    prepare_directory(root)
    write_run_file(root, {"key": key}, {}, {"medgym_ray": "0"})
    asyncio.run(_append(root, trajectories, shard_bytes))
    return root


async def _append(root: Path, trajectories: Sequence[Trajectory], shard_bytes: int) -> None:
    writer = DurableWriter(root, "0", (), shard_bytes=shard_bytes, shard_s=1e6)
    for trajectory in trajectories:
        await writer.append(trajectory)
    await writer.close()


def export(
    runs: Path | Sequence[Path],
    view: str,
    target: Path,
    *,
    validation: float = 0.0,
    seed: int = 0,
    pairs: int = 4,
    **filters: Any,
) -> Path:
    """The command; returns the directory."""
    names = str(runs) if isinstance(runs, Path) else [str(each) for each in runs]
    config = ExportConfig(
        names,
        view,
        FilterConfig(**filters),
        SplitConfig(validation, seed),
        PairsConfig(pairs),
        TargetConfig(str(target)),
    )
    assert run(config) == 0
    return target


def load(folder: Path, side: str = "train") -> list[dict[str, Any]]:
    """What a trainer gets."""
    loaded = datasets.load_dataset(str(folder), cache_dir=str(folder.with_name(f"{folder.name}-cache")))
    return list(loaded[side])
