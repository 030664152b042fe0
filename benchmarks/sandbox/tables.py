"""The report's tables."""

import math
from collections.abc import Mapping

from benchmarks.measure.processor import Cpu
from benchmarks.measure.results import figure, markdown
from benchmarks.measure.timing import Rate, Timing
from benchmarks.sandbox.bench import Report
from benchmarks.sandbox.load import CELLS, IDLE


def origin(report: Report) -> str:
    shown = {key: value for key, value in report.provenance.items() if key not in ("kind", "guarantees") and value}
    return ", ".join(f"{key} {value}" for key, value in shown.items())


def lives_table(reports: Mapping[str, Report]) -> str:
    header = ["ms, median / p95", "start of the factory", "create", "first cell", "create + first cell"]
    header += ["reset", "destroy", "CPU: start", "CPU: create + first cell", "CPU: reset"]
    rows = []
    for name, report in reports.items():
        both = Timing([a + b for a, b in zip(report.create.ms, report.first.ms, strict=True)], Cpu())
        timings = (report.start, report.create, report.first, both, report.reset, report.destroy)
        spans = [f"{figure(timing.median)} / {figure(timing.p95)}" for timing in timings]
        cpus = [figure(timing.cpu.total * 1000) for timing in (report.start, report.create, report.reset)]
        rows.append([f"{name} (n={len(report.start.ms)}, {len(both.ms)}, {len(report.reset.ms)})", *spans, *cpus])
    return markdown(header, rows)


def cells_table(reports: Mapping[str, Report], plain: Mapping[str, Timing], polled: Mapping[str, Timing]) -> str:
    header = ["cell", "where", "n", "p50 ms", "p95 ms", "CPU ms", "driver + engine + sandbox"]
    header += ["plain / it", "plain CPU / it", "polled / it"]
    rows = []
    for cell in CELLS:
        timings = {name: report.cells[cell] for name, report in reports.items()}
        timings |= {"plain python": plain[cell], "polled once a second": polled[cell]}
        for name, timing in timings.items():
            cpu = timing.cpu
            parts = " + ".join(figure(part * 1000) for part in (cpu.driver, cpu.engine, cpu.sandbox))
            numbers = [figure(value) for value in (timing.median, timing.p95, cpu.total * 1000)]
            ratios = (
                plain[cell].median / timing.median,
                plain[cell].cpu.total / cpu.total if cpu.total else math.nan,
                polled[cell].median / timing.median,
            )
            rows.append([cell, name, str(len(timing.ms)), *numbers, parts, *(f"{figure(ratio)}x" for ratio in ratios)])
    return markdown(header, rows)


def rates_table(rates: Mapping[str, Mapping[str, Mapping[int, Rate]]]) -> str:
    levels = sorted({level for by_cell in rates.values() for of_level in by_cell.values() for level in of_level})
    rows = []
    for cell in ("trivial", "pandas"):
        for name, by_cell in rates.items():
            found = [by_cell[cell].get(level) for level in levels]
            rows.append(
                [
                    cell,
                    name,
                    *(
                        f"{figure(r.median)}, {figure(max(r.rounds))} ({figure(r.slowest_s)} s)" if r else "-"
                        for r in found
                    ),
                ]
            )
    return markdown(
        ["cells per second: median of the rounds, best (the slowest cell)", "sandboxes at once:", *map(str, levels)],
        rows,
    )


def memory_table(reports: Mapping[str, Report]) -> str:
    header = [f"PSS, MB, {IDLE} idle after a pandas cell", "all", "each (all / 8)", "each more adds"]
    header += ["beside: fork master, or shims"]
    names = ("total", "each", "marginal", "shared")
    rows = [[name, *(figure(report.memory[key]) for key in names)] for name, report in reports.items()]
    return markdown(header, rows)
