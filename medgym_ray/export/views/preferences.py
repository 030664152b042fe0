"""Pairs: of rollouts of one prompt, and of replies to one and the same conversation so far.

Only a success is chosen and only a failure rejected; the reward is the true one. Each prompt gives a few pairs, in
which as many different rollouts as there are take part.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray.export.bodies import Bodies, Messages, read_bodies
from medgym_ray.export.database import ask
from medgym_ray.export.filters import BEST
from medgym_ray.export.schemas import DPO, DPO_TURN
from medgym_ray.export.source import Source
from medgym_ray.export.tools import listed_tools
from medgym_ray.export.views.base import View, reply_places

_BATCH = 64
"""Pairs in memory."""

# The i-th pair of a prompt: the i-th of the chosen and the i-th of the rejected, each begun anew where it ends.
_ROLLOUTS = f"""
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY task_id, prompt, success ORDER BY {BEST}) - 1 AS rank,
           count(*) OVER (PARTITION BY task_id, prompt, success) AS number,
           min(place) OVER (PARTITION BY task_id) AS task
    FROM kept
)
SELECT c.place AS chosen, r.place AS rejected, c.trajectory_id AS chosen_id, r.trajectory_id AS rejected_id,
       c.reward AS chosen_reward, r.reward AS rejected_reward,
       c.task_id, c.family, c.category, c.licence, c.restricted, c.agent_format
FROM ranked c JOIN ranked r USING (task_id, prompt), range(?) AS pair(number)
WHERE c.success AND NOT r.success AND c.reward > r.reward AND c.conversation <> r.conversation
  AND pair.number < greatest(c.number, r.number)
  AND c.rank = pair.number % c.number AND r.rank = pair.number % r.number
ORDER BY c.task, c.prompt, pair.number
"""

_REPLIES = """
WITH each_reply AS (
    SELECT place, trajectory_id, task_id, family, category, licence, restricted, agent_format, success,
           unnest(before) AS before, unnest(after) AS after, generate_subscripts(before, 1) - 1 AS reply
    FROM kept
), replies AS (
    SELECT *, count(*) OVER same AS rollouts, count(*) FILTER (success) OVER same AS successes
    FROM each_reply
    WINDOW same AS (PARTITION BY task_id, before, after)
    QUALIFY row_number() OVER (PARTITION BY task_id, before, after ORDER BY success DESC, place) = 1
), ranked AS (
    SELECT *, successes > 0 AS succeeds,
           row_number() OVER (PARTITION BY task_id, before, successes > 0
                              ORDER BY successes / rollouts DESC, rollouts DESC, place) - 1 AS rank,
           count(*) OVER (PARTITION BY task_id, before, successes > 0) AS number,
           min(place) OVER (PARTITION BY task_id) AS task
    FROM replies
)
SELECT c.place AS chosen, r.place AS rejected, c.trajectory_id AS chosen_id, r.trajectory_id AS rejected_id,
       c.reply::INTEGER AS reply, c.rollouts AS chosen_rollouts, c.successes AS chosen_successes,
       r.rollouts AS rejected_rollouts,
       c.task_id, c.family, c.category, c.licence, c.restricted, c.agent_format
FROM ranked c JOIN ranked r USING (task_id, before), range(?) AS pair(number)
WHERE c.succeeds AND NOT r.succeeds AND pair.number < greatest(c.number, r.number)
  AND c.rank = pair.number % c.number AND r.rank = pair.number % r.number
ORDER BY c.task, c.reply, c.before, pair.number
"""


class _Pairs(View):
    lacking = "no prompt has both a success and a failure (sample more rollouts of each task)"
    pairs = True
    query: str

    def plan(self, kept: pa.Table, per_prompt: int) -> pa.Table:
        """A row per pair: both places, and all that is known without the text."""
        return ask(self.query, {"kept": kept}, per_prompt)

    def examples(self, source: Source, plan: pa.Table, scratch: Path) -> Iterator[pa.RecordBatch]:
        """See View."""
        places = pc.unique(pa.concat_arrays([*plan["chosen"].chunks, *plan["rejected"].chunks]))
        with read_bodies(source, places.take(pc.sort_indices(places)), scratch) as bodies:
            for part in plan.to_batches(max_chunksize=_BATCH):
                rows = [self._example(pair, bodies) for pair in part.to_pylist()]
                yield pa.RecordBatch.from_pylist(rows, schema=self.schema)

    def _example(self, pair: Mapping[str, Any], bodies: Bodies) -> dict[str, Any]:
        chosen, rejected = bodies[pair["chosen"]], bodies[pair["rejected"]]
        start, end = self.completion(pair, chosen)
        return {name: pair[name] for name in self.schema.names if name in pair} | {
            "prompt": chosen[:start],
            "chosen": chosen[start:end],
            "rejected": rejected[start:end],
            "tools": listed_tools(pair["family"], pair["agent_format"], chosen),
        }

    def completion(self, pair: Mapping[str, Any], chosen: Messages) -> tuple[int, int | None]:
        """From where to where the two conversations are set side by side."""
        raise NotImplementedError


class Rollouts(_Pairs):
    """`dpo`."""

    name = "dpo"
    schema = DPO
    query = _ROLLOUTS
    about = (
        "`prompt`, `chosen`, `rejected`: two rollouts of one prompt, whole, one that succeeded and one that did "
        "not. TRL's RewardTrainer compares them by one score each. TRL's DPOTrainer as it comes counts every "
        "token after the prompt, observations too: mask them in its collator where rollouts have more than one "
        "reply, or take `dpo_turn`."
    )

    def completion(self, pair: Mapping[str, Any], chosen: Messages) -> tuple[int, int | None]:  # noqa: ARG002
        """All from the first reply on."""
        return reply_places(chosen)[0], None


class Replies(_Pairs):
    """`dpo_turn`: of the replies to one conversation so far, one from which a rollout succeeded and one from which none
    did."""

    name = "dpo_turn"
    schema = DPO_TURN
    lacking = "no conversation goes on both to a success and to a failure (sample more rollouts of each task)"
    replies = True
    query = _REPLIES
    about = (
        "`prompt`, `chosen`, `rejected` for TRL's DPOTrainer: the same conversation so far, and two replies to "
        "it, one from which a rollout went on to succeed and one from which none did. Both are single messages of "
        "the agent, so no observation is in what carries the loss."
    )

    def completion(self, pair: Mapping[str, Any], chosen: Messages) -> tuple[int, int | None]:
        """That one reply."""
        start = reply_places(chosen)[pair["reply"]]
        return start, start + 1
