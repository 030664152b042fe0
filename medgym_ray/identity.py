"""What makes two runs the same run: the keys that decide what a trajectory is, and their hash."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgym_ray.config import GenerateConfig

# What may change between two runs into one directory: more rollouts or tasks extend a run, the rest does not touch
# what a trajectory is.
_NOT_IDENTITY = (
    "agent.attempts",
    "agent.debugger_endpoint.usd_per_million",
    "cluster",
    "gateway.host",
    "gateway.port",
    "judge.endpoint.usd_per_million",
    "model.endpoint.usd_per_million",
    "model.env",
    "model.hosted",
    "model.max_in_flight",
    "model.replicas",
    "model.simulation",
    "output",
    "privacy",
    "resume",
    "sampling.budget_gpu_s",
    "sampling.budget_rollouts",
    "sampling.pairs",
    "sampling.probe",
    "sampling.rollouts",
    "sandbox.concurrency",
    "tasks.limit",
)


def identity(config: GenerateConfig) -> dict[str, Any]:
    """The keys that decide what a trajectory is, flat (`sampling.temperature`), with paths made absolute."""
    keys = flat(dataclasses.asdict(config))
    if config.tasks.root is not None:
        keys["tasks.root"] = str(Path(config.tasks.root).expanduser().resolve())
    if config.tasks.hub is not None and Path(config.tasks.hub).expanduser().is_dir():
        keys["tasks.hub"] = str(Path(config.tasks.hub).expanduser().resolve())
    return {k: v for k, v in keys.items() if not any(k == n or k.startswith(f"{n}.") for n in _NOT_IDENTITY)}


def run_key(config: GenerateConfig) -> str:
    """The identity's hash: two runs with the same key make the same trajectories. 64 hex digits."""
    return identity_key(identity(config))


def identity_key(identity: Mapping[str, Any]) -> str:
    """The hash of an identity, be it fresh or out of run.yaml."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of settings by their full names (`sampling.temperature`)."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
