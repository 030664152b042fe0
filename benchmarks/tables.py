"""Measures `request_info`: what the index of the tables costs, and what it saves over reading them again.

`python benchmarks/tables.py [rows]`, a million by default. Makes an events table of that many rows (drugs, codes,
times, order numbers, remarks), a dictionary of 15,000 titles and a notes table; indexes them in an empty cache; then
asks what agents ask, and does the same with pandas by reading the CSV file again. Both in one run, so that ratios can
be compared across machines.
"""

import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from rapidfuzz import fuzz, process
from rich.console import Console
from rich.table import Table

from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import answer

_ASKED = 50
_READ_AGAIN = 3
_MOST_BYTES = 65_536
_ORGANS = ("heart", "lung", "kidney", "liver", "stomach", "bladder", "pancreas", "spleen", "thyroid", "brain")
_ILLS = ("failure", "infection", "neoplasm", "haemorrhage", "obstruction", "inflammation", "fibrosis", "abscess")
_DEGREES = ("acute", "chronic", "congestive", "benign", "malignant", "recurrent", "unspecified", "postoperative")
_DRUGS = ("Metformin", "Furosemide", "Heparin", "Vancomycin", "Propofol", "Amiodarone", "Ceftriaxone", "Insulin")


def _write(folder: Path, rows: int) -> None:
    random.seed(0)
    titles = [
        f"{random.choice(_DEGREES)} {random.choice(_ILLS)} of {random.choice(_ORGANS)}, type {number}"
        for number in range(15_000)
    ]
    _write_csv(folder / "TITLES.csv", "code,title", (f'{n:05d},"{title}"' for n, title in enumerate(titles)))
    drugs = [f"{drug} {dose} mg" for drug in _DRUGS for dose in range(5, 505, 5)]
    events = (
        f"{n},{random.randrange(100_000, 200_000)},{random.choice(drugs)},{random.randrange(15_000):05d},"
        f"2105-{n % 12 + 1:02d}-{n % 28 + 1:02d} {n % 24:02d}:{n // 24 % 60:02d}:{n % 59:02d},"
        f"{random.gauss(100, 30):.2f},ORD-{n:08d},given {random.choice(_DEGREES)}ly"
        for n in range(rows)
    )
    _write_csv(folder / "EVENTS.csv", "row_id,hadm_id,drug,code,charttime,value,order_id,remark", events)
    notes = (f'{n},"{" ".join(random.choices(titles, k=12))}"' for n in range(rows // 100))
    _write_csv(folder / "NOTES.csv", "row_id,text", notes)


def _write_csv(path: Path, header: str, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{header}\n")
        file.writelines(f"{line}\n" for line in lines)


def _timed(work: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` calls, sorted."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return sorted(taken)


def _ask(index: TableIndex, data_path: str, info_type: str, keyterm: str = "") -> Callable[[], object]:
    def ask() -> None:
        reply = answer(index, {"data_path": data_path, "info_type": info_type, "keyterm": keyterm}, _MOST_BYTES)
        assert reply.ok, reply.text

    return ask


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"code": str})


def _similar(path: Path, column: str, term: str) -> object:
    values = _read(path)[column].drop_duplicates().tolist()
    return process.extract(term, values, scorer=fuzz.WRatio, limit=20)


def main(rows: int) -> None:
    """Prints a table for the index and one for the requests."""
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        folder = Path(scratch, "tables")
        folder.mkdir()
        _write(folder, rows)
        size = sum(path.stat().st_size for path in folder.iterdir())
        (build,) = _timed(lambda: open_index({"/data": folder}).close(), 1)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        (again,) = _timed(lambda: open_index({"/data": folder}).close(), 1)
        (pandas_reads,) = _timed(lambda: [_read(path) for path in folder.iterdir()], 1)
        indexed = sum(path.stat().st_size for path in Path(scratch, "cache").rglob("*") if path.is_file())
        costs = Table("", "index", "beside", "ratio", title=f"{rows:,} rows, {size / 2**20:,.0f} MiB of CSV")
        costs.add_row(
            "build / read once (s)", f"{build:.1f}", f"{pandas_reads:.1f} pandas", f"{build / pandas_reads:.1f}"
        )
        costs.add_row("open again (s)", f"{again:.3f}", f"{pandas_reads:.1f} pandas", f"1/{pandas_reads / again:,.0f}")
        costs.add_row("size (MiB)", f"{indexed / 2**20:.1f}", f"{size / 2**20:.1f} CSV", f"1/{size / indexed:.1f}")
        costs.add_row("peak memory while building (MiB)", f"{peak:,.0f}", "", "")
        console.print(costs)
        _compare(open_index({"/data": folder}), folder, console)


def _compare(index: TableIndex, folder: Path, console: Console) -> None:
    events, titles = folder / "EVENTS.csv", folder / "TITLES.csv"
    inside = "/data/EVENTS.csv"
    requests: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("column_names", _ask(index, inside, "column_names"), lambda: _read(events).describe(include="all")),
        (
            "column_values drug",
            _ask(index, inside, "column_values", "drug"),
            lambda: _read(events)["drug"].value_counts(),
        ),
        (
            "column_values order_id",
            _ask(index, inside, "column_values", "order_id"),
            lambda: _read(events)["order_id"].value_counts(),
        ),
        (
            "term, in part",
            _ask(index, inside, "term", "vancomycin"),
            lambda: _read(events)["drug"].str.contains("vancomycin", case=False).sum(),
        ),
        (
            "term, an order number",
            _ask(index, inside, "term", "ORD-00000123"),
            lambda: (_read(events)["order_id"] == "ORD-00000123").sum(),
        ),
        ("term, misspelt", _ask(index, inside, "term", "furosemid"), lambda: _similar(events, "drug", "furosemid")),
        (
            "term, two words misspelt",
            _ask(index, "/data/TITLES.csv", "term", "congestve hart failur"),
            lambda: _similar(titles, "title", "congestve hart failur"),
        ),
        (
            "term, in all tables",
            _ask(index, "/data", "term", "obstruction of kidny"),
            lambda: [_read(path) for path in folder.iterdir()],
        ),
    ]
    table = Table("request_info", "p50 (ms)", "p95 (ms)", "CSV read again (ms)", "ratio", title=f"{_ASKED} of each")
    for name, ask, read in requests:
        ask()  # the first term of a process loads the vocabulary
        asked, again = _timed(ask, _ASKED), statistics.median(_timed(read, _READ_AGAIN))
        middle, late = statistics.median(asked), asked[int(len(asked) * 0.95)]
        table.add_row(
            name, f"{middle * 1e3:.1f}", f"{late * 1e3:.1f}", f"{again * 1e3:,.0f}", f"1/{again / middle:,.0f}"
        )
    console.print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
