"""A run that can be repeated: real tasks, recorded replies, and cells that take long enough to be hit."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import TasksConfig
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.tasks.registry import load_tasks, make_family

SANDBOXES = 3
"""Per executor."""
_FAMILIES = ("medcalcbench", "npowerai")
_CELL_S = 0.15
_LAST_S = 600.0


@dataclass(frozen=True)
class Workload:
    """The arguments of the command, and what it is to leave."""

    arguments: tuple[str, ...]
    expected: int
    variables: Mapping[str, str]

    def start(self, run: Path, said: int) -> "subprocess.Popen[bytes]":
        """The command, as a process that leads a group of its own."""
        command = [sys.executable, "-m", "medgym_ray.generate", *self.arguments, f"output.dir={run}"]
        environment = os.environ | {"HF_HUB_OFFLINE": "1"} | dict(self.variables)
        return subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env=environment)


def workload(folder: Path, variables: Mapping[str, str], *arguments: str, tasks: int, rollouts: int) -> Workload:
    """Writes the replies: gold for most tasks, something wrong for every third, each after cells that take a while.

    `variables` say which cluster and which Docker engine it runs on.
    """
    loaded = load_tasks(TasksConfig(source="sample", families=list(_FAMILIES), limit=tasks), seed=0).tasks
    wait = Action(ActionKind.CODE_EXECUTION, {"code": f"import time; time.sleep({_CELL_S})"})
    wrong = Action(ActionKind.SUBMIT, {"answer": -12345})
    lines = []
    for number, task in enumerate(loaded):
        gold = make_family(task.family, TasksConfig()).oracle(task) or [wrong]
        actions = [wait, wait, *([wrong] if number % 3 == 2 else gold)]
        lines.append({"task_id": task.task_id, "replies": [JsonObject().render(action) for action in actions]})
    replies = folder / "replies.jsonl"
    replies.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    all_arguments = (
        *("+model=replay", f"model.path={replies}", "model.hosted=true", "model.replicas=2"),
        *(f"tasks.families=[{','.join(_FAMILIES)}]", f"tasks.limit={tasks}", f"sampling.rollouts={rollouts}"),
        *("agent.attempts=1000", "cluster.executors=2", f"sandbox.concurrency={SANDBOXES}"),
        *("output.shard_s=2", "cluster.drain_s=5", *arguments),
    )
    return Workload(all_arguments, len(loaded) * rollouts, variables)


def play(work: Workload, run: Path) -> None:
    """Undisturbed, to its end. Raises RuntimeError with what the command said."""
    said = run.with_suffix(".txt")
    with said.open("wb") as file:
        code = work.start(run, file.fileno()).wait(_LAST_S)
    if code != 0:
        raise RuntimeError(f"exit code {code}: {said.read_text(errors='replace')[-2000:]}")
