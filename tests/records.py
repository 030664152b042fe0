"""Records for tests, as small as the schema allows."""

from datetime import UTC, datetime
from typing import Any

from medgym_ray.trajectory import Failure, Trajectory, Turn

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def make_trajectory(identity: str, **fields: Any) -> Trajectory:
    """A trajectory with this id; `fields` override."""
    content: dict[str, Any] = {
        "trajectory_id": identity,
        "run_id": "run",
        "group_id": "run/f/1",
        "code_version": "0",
        "config_hash": "c",
        "task_id": "f/1",
        "family": "f",
        "category": "c",
        "split": "test",
        "rollout_index": 0,
        "attempt": 0,
        "seed": 1,
        "messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}],
        "turns": [Turn(action="submit", arguments="{}")],
        "reward": 1.0,
        "success": True,
        "score_reason": "correct",
        "scorer_version": "1",
        "termination": "success",
        "num_turns": 1,
        "model": "m",
        "policy_version": "0",
        "sampling": "{}",
        "agent_format": "json",
        "protocol": "submit",
        "licence": "open",
        "restricted": False,
        "started_at": NOW,
        "finished_at": NOW,
        "provenance": "{}",
    }
    return Trajectory(**(content | fields))


def make_failure(identity: str, **fields: Any) -> Failure:
    """A failure with this id; `fields` override."""
    content: dict[str, Any] = {
        "trajectory_id": identity,
        "run_id": "run",
        "task_id": "f/1",
        "rollout_index": 0,
        "attempt": 0,
        "final": False,
        "error_class": "SandboxError",
        "message": "lost",
        "at": NOW,
    }
    return Failure(**(content | fields))
