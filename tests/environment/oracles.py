"""What the oracle says of the bundled sample's tasks, and what of a record does not depend on the clock."""

from dataclasses import replace
from typing import Any

from medgym_ray.config import TasksConfig
from medgym_ray.formats.registry import FORMATS
from medgym_ray.tasks.base import Task
from medgym_ray.tasks.registry import load_tasks, make_family
from medgym_ray.trajectory import Trajectory


def sample_tasks(family: str, limit: int | None = None) -> list[Task]:
    """Tasks of the bundled sample."""
    return load_tasks(TasksConfig(families=[family], limit=limit), 0).tasks


def gold_replies(task: Task, spoken: str = "json") -> list[str]:
    """The oracle's words for it."""
    actions = make_family(task.family).oracle(task)
    assert actions is not None
    return [FORMATS[spoken].render(action) for action in actions]


def timeless(trajectory: Trajectory) -> dict[str, Any]:
    """What two episodes of the same replies have in common."""
    turns = [replace(turn, execute_ms=0.0, replica=None) for turn in trajectory.turns]
    return {
        "turns": turns,
        "messages": trajectory.messages,
        **{
            name: getattr(trajectory, name)
            for name in ("task_id", "reward", "success", "reward_paper", "score_reason", "termination", "answer")
        },
        **{name: getattr(trajectory, name) for name in ("flags", "graded_guesses", "num_turns", "licence", "protocol")},
    }
