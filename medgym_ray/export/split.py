"""Train and validation, by task: all that was played of a task lies on one side."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa


class Side(StrEnum):
    """The names under which `datasets` gives them."""

    TRAIN = "train"
    VALIDATION = "validation"


@dataclass(frozen=True, slots=True)
class Split:
    """A task's side depends on its id and the seed alone, so that it stays where it is when a run grows."""

    validation: float
    """Share of the tasks, in [0, 1)."""
    seed: int

    def side(self, task_id: str) -> Side:
        """Where a task goes."""
        digest = hashlib.blake2b(f"{self.seed}\0{task_id}".encode(), digest_size=8).digest()
        return Side.VALIDATION if int.from_bytes(digest) < self.validation * 2**64 else Side.TRAIN

    def divide(self, batch: pa.RecordBatch) -> Iterator[tuple[Side, pa.RecordBatch]]:
        """The rows of each side, by their column `task_id`, in their order."""
        sides = [self.side(task_id) for task_id in batch.column("task_id").to_pylist()]
        for side in Side:
            if side in sides:
                yield side, batch.filter(pa.array([each is side for each in sides]))
