"""Stored runs for tests of the page, made of records."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from medgym_ray.events import ActorLost, RunStarted, render
from medgym_ray.store.layout import EVENTS, FAILURES, TRAJECTORIES, Part, Table, line_file
from medgym_ray.store.log import WriteAheadLog
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_dropped, write_run_file
from medgym_ray.store.shards import seal
from medgym_ray.trajectory import Failure, Trajectory, Turn, to_batch
from tests.records import NOW, make_failure, make_trajectory

PROGRAM = 'import pandas as pd\n# beds\nprint("rows", len(pd.DataFrame({"a": [1]})))'


def store_run(root: Path, trajectories: Sequence[Trajectory], failures: Sequence[Failure] = ()) -> Path:
    """A run's directory that holds these records, in two shards where there are several."""
    prepare_directory(root)
    write_run_file(root, {"model.name": "m", "agent.max_turns": 3}, {}, {"medgym_ray": "0"})
    half = (len(trajectories) + 1) // 2
    for number, records in enumerate([trajectories[:half], trajectories[half:]]):
        _seal(root, TRAJECTORIES, number, records)
    _seal(root, FAILURES, 0, failures)
    return root


def _seal(root: Path, table: Table, number: int, records: Sequence[Trajectory | Failure]) -> None:
    if records:
        part = Part(table.name, "0", number)
        log = WriteAheadLog(root / part.log, table.schema)
        log.append([to_batch(records, table.schema).serialize().to_pybytes()])
        log.close()
        seal(root, part)


def conversation(said: str, observation: str = "rows 1") -> dict[str, Any]:
    """Two turns, with what an engine tells of them."""
    first = Turn(
        action="code_execution",
        arguments='{"code": "' + PROGRAM.replace('"', '\\"').replace("\n", "\\n") + '"}',
        observation=observation,
        status="ok",
        truncated=True,
        completion_tokens=3,
        prompt_tokens=4,
        cached_tokens=2,
        generate_ms=30.0,
        execute_ms=10.0,
        queue_ms=5.0,
    )
    last = Turn(action="submit", arguments='{"answer": 1}', observation="handed in", reward_if_graded=1.0)
    return {
        "messages": [
            {"role": "system", "content": "You solve tasks."},
            {"role": "user", "content": "How many?"},
            {"role": "assistant", "content": f'{said}\n{{"action": "code_execution"}}'},
            {"role": "user", "content": observation},
            {"role": "assistant", "content": '{"action": "submit", "params": {"answer": 1}}'},
        ],
        "turns": [first, last],
        "num_turns": 2,
        "token_ids": [5, 6, 7, 8, 9],
        "loss_mask": [0, 0, 1, 1, 0],
        "logprobs": [0.0, 0.0, -0.05, -3.0, 0.0],
        "append_only": True,
    }


def mixed_run(root: Path, tasks: int = 20, **fields: Any) -> Path:
    """Two families, two rollouts of each task of which the second fails; the last task is restricted."""
    rows = []
    for task in range(tasks):
        for rollout in range(2):
            won = rollout == 0
            rows.append(
                make_trajectory(
                    f"{task:031x}{rollout}",
                    task_id=f"{'ab'[task % 2]}/{task}",
                    family="ab"[task % 2],
                    category="odd" if task % 3 else "even",
                    rollout_index=rollout,
                    success=won,
                    reward=float(won),
                    termination="success" if won else "max_turns",
                    score_reason="correct" if won else "no_submission",
                    answer=str(task) if won else None,
                    flags=[] if won else ["repeated_action"],
                    restricted=task == tasks - 1,
                    started_at=NOW + timedelta(seconds=task),
                    finished_at=NOW + timedelta(seconds=task + 2),
                    wall_ms=2000.0,
                    **(conversation(f"needle{task} of {rollout}") | fields),
                )
            )
    store_run(root, rows, [make_failure("x"), make_failure("x", attempt=1, final=True)])
    write_dropped(root, {"a/99": "its gold: cannot be trusted"})
    events = [
        RunStarted(run_id="r", model="m", tasks=tasks, rollouts=2, durable=0, versions={}),
        ActorLost(actor="executor-1", reason="died"),
    ]
    (root / line_file(EVENTS)).write_bytes(b"".join(render(event) + b"\n" for event in events) + b"torn")
    return root
