"""Prompts for online reinforcement learning."""

from typing import Any

import pyarrow as pa

from medgym_ray.export.database import ask
from medgym_ray.export.schemas import GRPO
from medgym_ray.export.views.base import StreamedView, reply_places, with_metadata

_PROMPTS = """
SELECT min(place) AS place, count(*) AS rollouts, avg(reward) AS mean_reward, avg(success::DOUBLE) AS success_rate,
       row_number() OVER (ORDER BY min(place)) - 1 AS number
FROM kept GROUP BY task_id, prompt ORDER BY place
"""
_ENVIRONMENT = "medgym"


class Prompts(StreamedView):
    """`grpo`: a row per prompt. A record never holds its task's gold, so neither does a row: what trainers call the
    ground truth is the task's id, by which the environment finds the task and scores what was submitted."""

    name = "grpo"
    schema = GRPO
    about = (
        "`prompt`, one row per task, with the columns of verl (`data_source, prompt, ability, reward_model, "
        "extra_info`) and SkyRL (`env_class, reward_spec`); TRL's GRPOTrainer takes `prompt` and hands the rest "
        "to reward functions. `ground_truth` is the task's id and never its gold: the environment scores by it. "
        "Nothing is trained on but what the trainer itself samples."
    )
    columns = ("messages", "split")

    def plan(self, kept: pa.Table, per_prompt: int) -> pa.Table:  # noqa: ARG002
        """The first trajectory of each prompt, and how well all of them did."""
        return ask(_PROMPTS, {"kept": kept})

    def batch(self, plan: pa.Table, trajectories: pa.RecordBatch) -> pa.RecordBatch:
        """See StreamedView."""
        rows = trajectories.select(["messages", "task_id", "family", "category", "split"]).to_pylist()
        known = plan.to_pylist()
        columns: dict[str, list[Any]] = {
            "data_source": [f"{_ENVIRONMENT}/{row['family']}" for row in rows],
            "prompt": [row["messages"][: reply_places(row["messages"])[0]] for row in rows],
            "ability": [row["category"] for row in rows],
            "reward_model": [{"style": "rule", "ground_truth": row["task_id"]} for row in rows],
            "env_class": [_ENVIRONMENT] * len(rows),
            "reward_spec": [{"method": "rule", "ground_truth": row["task_id"]} for row in rows],
            "extra_info": [
                {
                    "index": each["number"],
                    **{name: row[name] for name in ("split", "task_id", "family")},
                    **{name: each[name] for name in ("rollouts", "mean_reward", "success_rate")},
                }
                for row, each in zip(rows, known, strict=True)
            ],
        }
        return with_metadata(self.schema, columns, trajectories)
