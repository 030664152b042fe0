"""Conversations and what became of them: the outcome for the whole, or for each reply."""

import pyarrow as pa

from medgym_ray.export.database import ask
from medgym_ray.export.schemas import KTO, PRM, VERIFIER
from medgym_ray.export.tools import tools_column
from medgym_ray.export.views.base import StreamedView, reply_places, with_metadata

_BY_REPLY = """
WITH replies AS (
    SELECT place, task_id, success, unnest(after) AS after, unnest(faults) AS fault,
           generate_subscripts(after, 1) AS number
    FROM kept WHERE faults IS NOT NULL
), reached AS (
    SELECT *, bool_or(success) OVER (PARTITION BY task_id, after) AS reaches FROM replies
)
SELECT place, list(CASE WHEN fault THEN false WHEN reaches THEN true END ORDER BY number) AS turn_labels
FROM reached GROUP BY place ORDER BY place
"""


class Unpaired(StreamedView):
    """`kto`: the reply that decided, and whether it decided well."""

    name = "kto"
    schema = KTO
    about = (
        "`prompt`, `completion`, `label` for TRL's KTOTrainer. The completion is the last reply alone and the "
        "prompt all that came before it, so that no observation is in what carries the loss; `label` is success."
    )
    columns = ("messages",)

    def batch(self, plan: pa.Table, trajectories: pa.RecordBatch) -> pa.RecordBatch:  # noqa: ARG002
        """See StreamedView."""
        conversations = trajectories.column("messages").to_pylist()
        last = [reply_places(messages)[-1] for messages in conversations]
        columns = {
            "prompt": [messages[:end] for messages, end in zip(conversations, last, strict=True)],
            "completion": [messages[end : end + 1] for messages, end in zip(conversations, last, strict=True)],
            "label": trajectories.column("success"),
            "tools": tools_column(trajectories),
        }
        return with_metadata(self.schema, columns, trajectories)


class Outcomes(StreamedView):
    """`verifier`."""

    name = "verifier"
    schema = VERIFIER
    about = (
        "`messages` and `label`, whether the true scorer found the answer right: for a classifier of whole "
        "conversations (an outcome reward model). Nothing is generated, so no token carries a language model's "
        "loss. A reward model of pairs (TRL's RewardTrainer) takes the view `dpo`."
    )
    columns = ("messages",)

    def batch(self, plan: pa.Table, trajectories: pa.RecordBatch) -> pa.RecordBatch:  # noqa: ARG002
        """See StreamedView."""
        columns = {"label": trajectories.column("success"), "tools": tools_column(trajectories)}
        return with_metadata(self.schema, columns, trajectories)


class Steps(StreamedView):
    """`prm`: a reply is bad where it could not be read, its cell failed, or it was graded and earned nothing; good
    where it went well and a rollout that began so succeeded; else nobody knows, and its label is null."""

    name = "prm"
    schema = PRM
    about = (
        "`messages` and `turn_labels`, one per assistant message: false for a reply that could not be read, whose "
        "cell failed or that was graded and earned nothing; true for one that went well on a way on which a "
        "rollout succeeded; null for one that went well where none is known to have, which is to carry no loss. "
        "For token classification at the ends of replies (a process reward model)."
    )
    lacking = "their turns are not their replies (agents of others)"
    replies = True
    columns = ("messages",)

    def plan(self, kept: pa.Table, per_prompt: int) -> pa.Table:  # noqa: ARG002
        """The labels of each trajectory whose turns are its replies."""
        return ask(_BY_REPLY, {"kept": kept})

    def batch(self, plan: pa.Table, trajectories: pa.RecordBatch) -> pa.RecordBatch:
        """See StreamedView."""
        labels = plan["turn_labels"].combine_chunks().cast(self.schema.field("turn_labels").type)
        columns = {"turn_labels": labels, "tools": tools_column(trajectories)}
        return with_metadata(self.schema, columns, trajectories)
