"""The arithmetic and the bookkeeping of the sandbox benchmarks; what they measure is no test's business."""

import argparse
import math
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import soak
from benchmarks.measure import processes, processor, results, timing
from benchmarks.sandbox import load

_STAT = "4711 (a) (b c) S 12 4711 4711 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 999 1000 10"


def test_a_process_is_read_whatever_its_name_holds() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    found = processes.parse_stat(_STAT)
    assert (found.pid, found.name, found.state, found.parent) == (4711, "a) (b c", "S", 12)
    assert (found.cpu_s, found.reaped_s) == (200 / ticks, 50 / ticks)


def test_this_process_is_found_with_its_parent() -> None:
    table = processes.processes()
    assert table[os.getpid()].parent == os.getppid()
    assert os.getpid() in processes.descendants(table, {os.getppid()})


def test_descendants_are_found_at_any_depth_and_without_their_roots() -> None:
    family = {1: 0, 2: 1, 3: 2, 4: 3, 5: 1, 9: 8}
    table = {pid: processes.Process(pid, "", "S", parent, 0, 0) for pid, parent in family.items()}
    assert processes.descendants(table, {2}) == {3, 4}
    assert processes.descendants(table, {2, 5}) == {3, 4}
    assert processes.descendants(table, {7}) == set()


def test_processor_time_is_read_from_both_versions_of_control_groups() -> None:
    assert processor.parse_usage("2500000000\n") == 2.5
    assert processor.parse_usage("usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n") == 2.5


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9:name=systemd:/\n2:cpu,cpuacct:/docker/abc\n0::/\n", "cpuacct/docker/abc"),
        ("0::/user.slice/session-1.scope\n", "user.slice/session-1.scope"),
        ("4:memory:/\n", None),
    ],
)
def test_the_group_that_accounts_is_found(text: str, place: str | None) -> None:
    expected = Path("/sys/fs/cgroup", place) if place else None
    assert processes.group_directory(text) == expected


def test_the_meter_counts_what_this_process_and_its_children_use() -> None:
    meter = processor.Meter(None)
    before = meter.read()
    sum(range(3_000_000))
    spent = meter.read() - before
    assert spent.driver > 0
    assert spent.engine == 0
    assert spent.total == spent.driver + spent.sandbox
    assert processor.Cpu(2.0, 4.0, 6.0).each(2) == processor.Cpu(1.0, 2.0, 3.0)


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert timing.percentile(values, 0.95) == 95
    assert timing.percentile(values, 0.5) == 50
    assert timing.percentile([7.0], 0.95) == 7
    assert timing.percentile([1.0, 2.0, 3.0], 0.95) == 3


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (math.nan, "-"), (0.456, "0.46"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_figures(value: float | None, text: str) -> None:
    assert results.figure(value) == text


def test_a_section_is_appended_once_and_then_replaced_in_its_place() -> None:
    once = results.put_section("# Results\n\nOther.\n", "mine", "first\n")
    assert once == "# Results\n\nOther.\n\n<!-- mine: begin -->\nfirst\n<!-- mine: end -->\n"
    more = once + "\n## Later\n"
    twice = results.put_section(more, "mine", "second")
    assert twice == more.replace("first", "second")
    assert results.put_section(twice, "yours", "x").startswith(twice.rstrip())


def test_a_section_without_an_end_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="no end"):
        results.put_section("<!-- mine: begin -->\ntext", "mine", "x")


def test_tables_are_markdown() -> None:
    assert results.markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_backends_are_named_or_refused() -> None:
    assert load.backend_names("docker, namespace") == ["docker", "namespace"]
    for wrong in ("", "podman", "docker,podman"):
        with pytest.raises(argparse.ArgumentTypeError, match="namespace, docker, runsc"):
            load.backend_names(wrong)


@pytest.mark.parametrize("backend", [*load.BACKENDS, "plain"])
def test_the_real_run_has_enough_repeats(backend: str) -> None:
    full = load.repeats(backend, quick=False)
    assert full.cells >= 60
    assert full.heavy >= 30
    assert full.levels == (1, 2, 4, 8, 16)
    assert load.repeats(backend, quick=True).cells < full.cells


def test_a_trend_is_the_slope_of_the_line() -> None:
    assert soak.slope([0, 1000, 2000], [5, 6, 7]) == pytest.approx(0.001)
    assert soak.slope([0, 1000, 2000], [5, 5, 5]) == 0
    assert soak.slope([1000], [5]) == 0


def test_growth_is_told_from_noise() -> None:
    cells = [1000, 2000, 3000, 4000, 5000]
    assert soak.rose(cells, [10, 11, 12, 13, 14], 0.5)
    assert not soak.rose(cells, [10, 10, 10, 10, 10], 0.5)
    assert not soak.rose(cells, [14, 13, 12, 11, 10], 0.5)
    assert not soak.rose(cells, [10, 10, 15, 10, 10], 0.5)
    assert not soak.rose(cells, [100.0, 101.0, 100.5, 101.0, 101.5], 3)
    assert not soak.rose(cells, [math.nan] * 5, 0.5)


def test_a_block_is_the_whole_mixture_in_some_order() -> None:
    first, second = soak.block(random.Random(1)), soak.block(random.Random(2))
    assert len(first) == 100
    assert first != second
    assert Counter(first) == Counter({name: kind.count for name, kind in soak.KINDS.items()})


def test_the_verdict_names_what_grew_what_stayed_and_what_went_wrong() -> None:
    quiet = {row.name: 4.0 for row in soak.ROWS}
    run = soak.Soak("namespace", 5000, marks=[0, 1000, 2000, 3000, 4000], before=quiet, after=quiet)
    run.seen = [dict(quiet) for _ in run.marks]
    run.ended["ok"] = 5000
    assert not [line for line in soak.verdict(run) if line.startswith("**")]
    for step, counts in enumerate(run.seen):
        counts["open files: driver"] += step
        counts["machine: mounts"] += step
    run.after = quiet | {"containers of ours": 5.0, "PSS less files, MB: driver": 90.0}
    run.ended["ok"] = 4990
    run.wrong["spins: ok in place of timeout"] = 2
    assert soak.verdict(run) == [
        "**grew**: open files: driver, 5.0 to 8.0, 1.0 per 1000 cells",
        "grew (or others did it): machine: mounts, 5.0 to 8.0, 1.0 per 1000 cells",
        "**not as before after closing**: containers of ours, 4.0 before, 5.0 after",
        "**not run**: 10 of 5000 cells, for their sandbox was lost before",
        "**unexpected** (2x): spins: ok in place of timeout",
    ]
