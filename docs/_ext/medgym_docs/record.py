"""The columns of what a run writes, from the dataclasses that define them."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from medgym_docs.settings import attribute_docs


def columns(record: type[Any]) -> Iterator[tuple[str, str, str, str]]:
    """Of each column: name, Arrow type, whether it may be null, what it means."""
    hints = record.__annotations__
    meanings = attribute_docs(record)
    for field in dataclasses.fields(record):
        null = "yes" if "None" in str(hints[field.name]) else ""
        yield field.name, _named(field.metadata["arrow"]), null, meanings.get(field.name, "")


def _named(arrow: pa.DataType) -> str:
    """Structs by their fields' names: their columns have a table of their own."""
    if pa.types.is_list(arrow) and pa.types.is_struct(arrow.value_type):
        fields = [arrow.value_type.field(number).name for number in range(arrow.value_type.num_fields)]
        return f"list<struct<{', '.join(fields) if len(fields) <= 2 else '…'}>>"
    return str(arrow).replace("item: ", "")
