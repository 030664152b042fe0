"""Conversations to imitate: as text, and as the very tokens that were sampled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray.export.schemas import SFT, SFT_TOKENS, TRAJECTORY_METADATA
from medgym_ray.export.source import Source
from medgym_ray.export.tools import tools_column
from medgym_ray.export.views.base import StreamedView, with_metadata

_IGNORED = -100
"""What carries no loss, in PyTorch."""
_TURNS = ("prompt_token_ids", "turns.list.element.prompt_token_ids", "turns.list.element.completion_token_ids")


class Demonstrations(StreamedView):
    """`sft`."""

    name = "sft"
    schema = SFT
    about = (
        "`messages`, one conversation a row, for TRL's SFTTrainer, verl and others that apply the chat template. "
        "Observations are the messages of `user` and `tool`; only a trainer that masks them keeps them out of the "
        "loss: `assistant_only_loss=True` (TRL), `train_on_what=all_assistant_messages` (SkyRL), always (verl). "
        "`sft_tokens` is exact by itself."
    )
    only_successes = True
    columns = ("messages",)

    def batch(self, plan: pa.Table, trajectories: pa.RecordBatch) -> pa.RecordBatch:  # noqa: ARG002
        """See StreamedView."""
        return with_metadata(self.schema, {"tools": tools_column(trajectories)}, trajectories)


class ExactTokens(StreamedView):
    """`sft_tokens`: a row per trajectory; per reply where the policy was shown its earlier replies otherwise than it
    had sampled them, for then no one sequence holds what it saw. `reply` is that reply's number, null for a whole."""

    name = "sft_tokens"
    schema = SFT_TOKENS
    about = (
        "`input_ids` as they were sampled and `labels`, which are -100 wherever the policy did not generate the "
        "token: prompts and observations carry no loss, whatever the trainer. For TRL's SFTTrainer with "
        "`max_length=None` or one that is long enough, or any trainer of causal language models of the same "
        "tokenizer."
    )
    only_successes = True
    token_ids = True

    def examples(self, source: Source, plan: pa.Table, scratch: Path) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See View."""
        broken = not pc.all(plan["append_only"]).as_py()
        columns = ("token_ids", "loss_mask", "append_only", *TRAJECTORY_METADATA, *(_TURNS if broken else ()))
        for _, batch in source.pick(plan, columns):
            grown = pc.fill_null(batch.column("append_only"), False)
            if pc.any(grown).as_py():
                yield _whole(batch.filter(grown))
            if not pc.all(grown).as_py():
                yield from _by_reply(batch.filter(pc.invert(grown)))


def _whole(batch: pa.RecordBatch) -> pa.RecordBatch:
    ids, mask = batch.column("token_ids"), batch.column("loss_mask")
    labels = pc.if_else(pc.equal(mask.flatten(), 1), ids.flatten(), _IGNORED)
    offsets = pc.subtract(ids.offsets, ids.offsets[0])
    columns = {
        "input_ids": ids,
        "labels": pa.ListArray.from_arrays(offsets, labels.cast(pa.int32())),
        "reply": pa.nulls(batch.num_rows, pa.int32()),
    }
    return with_metadata(SFT_TOKENS, columns, batch)


def _by_reply(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = []
    for row in batch.to_pylist():
        for number, turn in enumerate(row["turns"]):
            prompt = row["prompt_token_ids"] if number == 0 else turn["prompt_token_ids"]
            said = turn["completion_token_ids"]
            if prompt and said:
                tokens = {"input_ids": prompt + said, "labels": [_IGNORED] * len(prompt) + said, "reply": number}
                rows.append(tokens | {name: row[name] for name in TRAJECTORY_METADATA})
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=SFT_TOKENS)
