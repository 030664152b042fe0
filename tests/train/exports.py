"""Directories as medgym_ray.export writes them, small."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_run_file
from medgym_ray.store.writer import DurableWriter
from tests.records import make_trajectory

Rows = Sequence[Mapping[str, Any]]


def write_export(folder: Path, train: Rows, validation: Rows = ()) -> Path:
    """Parquet files by split, and the card that names them."""
    (folder / "data").mkdir(parents=True)
    card = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, rows in {"train": train, "validation": validation}.items():
        if rows:
            pq.write_table(
                pa.Table.from_pylist([dict(row) for row in rows]), folder / "data" / f"{split}-00000.parquet"
            )
            card += [f"  - split: {split}", f"    path: data/{split}-*.parquet"]
    (folder / "README.md").write_text("\n".join([*card, "---", ""]), encoding="utf-8")
    return folder


def store_run(folder: Path, conversations: Sequence[Sequence[Mapping[str, str]]], shard_bytes: int = 1) -> Path:
    """A run's directory with a trajectory of each conversation, numbered."""

    async def written() -> None:
        writer = DurableWriter(folder, "0", (), shard_bytes=shard_bytes, shard_s=1e6)
        for number, conversation in enumerate(conversations):
            await writer.append(make_trajectory(f"{number:032}", messages=[dict(m) for m in conversation]))
        await writer.close()

    prepare_directory(folder)
    write_run_file(folder, {}, {}, {})
    asyncio.run(written())
    return folder


def messages(*contents: str, system: str = "rules") -> list[dict[str, str]]:
    """A conversation: rules, then the user and the assistant in turn."""
    spoken = [{"role": ("user", "assistant")[n % 2], "content": content} for n, content in enumerate(contents)]
    return [{"role": "system", "content": system}, *spoken]
