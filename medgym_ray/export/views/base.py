"""What a view is, and what views have in common."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from medgym_ray.export.schemas import TRAJECTORY_METADATA
from medgym_ray.export.source import Source


class View(Protocol):
    """From the trajectories that are left to the rows that a trainer loads."""

    name: str
    schema: pa.Schema
    about: str
    """For the card: what a row is, who takes it, and how observations are kept out of the loss."""

    lacking: str = "none of them is of use"
    """What the trajectories lack where there is no plan."""
    only_successes: bool = False
    """What `filter.success=auto` means."""
    token_ids: bool = False
    """Whether trajectories without token ids are of no use."""
    pairs: bool = False
    """Whether it sets one trajectory beside another."""
    replies: bool = False
    """Whether the index is to tell single replies apart."""

    def plan(self, kept: pa.Table, per_prompt: int) -> pa.Table:
        """Which trajectories of the index become which examples; without rows where none can be made."""
        ...

    def examples(self, source: Source, plan: pa.Table, scratch: Path) -> Iterator[pa.RecordBatch]:
        """Batches of `schema`, in the plan's order. What `scratch` is used for is gone afterwards.

        Raises StorageError.
        """
        ...


class StreamedView(View):
    """A view whose examples each come of one trajectory: the plan names it by its `place`, and one pass is enough."""

    columns: tuple[str, ...] = ()
    """What it reads, beside the metadata."""

    def plan(self, kept: pa.Table, per_prompt: int) -> pa.Table:  # noqa: ARG002
        """Each trajectory that is left."""
        return kept

    def examples(self, source: Source, plan: pa.Table, scratch: Path) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See View."""
        for rows, batch in source.pick(plan, (*self.columns, *TRAJECTORY_METADATA)):
            yield self.batch(rows, batch)

    def batch(self, plan: pa.Table, trajectories: pa.RecordBatch) -> pa.RecordBatch:
        """The examples of a few trajectories, beside their rows of the plan."""
        raise NotImplementedError


def with_metadata(
    schema: pa.Schema, columns: Mapping[str, pa.Array | Sequence[Any]], batch: pa.RecordBatch
) -> pa.RecordBatch:
    """A view's own columns, and from `batch` those that are taken over."""
    arrays = [columns[name] if name in columns else batch.column(name) for name in schema.names]
    return pa.RecordBatch.from_arrays(
        [
            each if isinstance(each, pa.Array) else pa.array(each, field.type)
            for each, field in zip(arrays, schema, strict=True)
        ],
        schema=schema,
    )


def reply_places(messages: Sequence[Mapping[str, str]]) -> list[int]:
    """Where in a conversation the agent speaks."""
    return [place for place, message in enumerate(messages) if message["role"] == "assistant"]
