"""What a cell costs: latency, processor time, throughput and memory of every sandbox, beside a plain interpreter.

`python -m benchmarks.sandbox [--backends namespace,docker,runsc] [--quick] [--write]` prints Markdown; `--write` puts
it into RESULTS.md, in place of what an earlier run wrote there. Nothing is asserted: speed belongs to the machine.

Throughput depends most on what else the machine's host is doing, so each rate is the median of several rounds, and the
time of a fixed piece of work, taken throughout, says how even the machine was.
"""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Sequence

import docker
import docker.errors

from benchmarks.measure.processes import engine
from benchmarks.measure.processor import metered
from benchmarks.measure.results import environment_lines, say, write_section
from benchmarks.measure.timing import Pulse, Rate
from benchmarks.sandbox.bench import Bench
from benchmarks.sandbox.load import BACKENDS, CELLS, backend_names, repeats, run_cell
from benchmarks.sandbox.plain import Plain
from benchmarks.sandbox.tables import cells_table, lives_table, memory_table, origin, rates_table
from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.registry import make_factory

_SECTION = "benchmarks.sandbox"


async def usable(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which backends can be measured, and why the others cannot: better known now than after minutes."""
    found, problems = [], []
    for name in names:
        kind, options = BACKENDS[name]
        factory = make_factory(kind, slots=1, run_id=f"benchmark-{name}-{os.getpid()}", **options)
        try:
            await factory.start()
            sandbox = await factory.create()
            await run_cell(sandbox, CELLS["trivial"], "1\n")
            found.append(name)
        except SandboxError as error:
            problems.append(f"{name} cannot be measured: {error}")
            say(problems[-1])
        finally:
            await factory.close()
    return found, problems


def others() -> list[str]:
    """Whether the engine works for somebody else too, whose processor time cannot be told from ours."""
    with contextlib.suppress(docker.errors.DockerException, OSError), engine() as client:
        count = len(client.containers.list(ignore_removed=True))
        if count:
            say(f"warning: {count} containers of others are running: the engine's processor time is theirs too")
            return [f"{count} containers of others were running: the engine's processor time is theirs too"]
    return []


async def main(names: Sequence[str], quick: bool) -> str:
    """Measures; gives back the section."""
    load = os.getloadavg()[0]
    if load > 1:
        say(f"warning: the load is {load:.1f} before anything has begun: times will be too high")
    names, notes = await usable(names)
    notes += others()
    with metered() as meter:
        pulse = Pulse()
        plain = Plain(meter, pulse)
        expected = {name: plain.run(code) for name, code in CELLS.items()}
        own = repeats("plain", quick)
        say("plain interpreters")
        alone = {
            name: plain.time(plain.run, code, own.heavy if name == "sklearn" else own.cells)
            for name, code in CELLS.items()
        }
        polled = {name: plain.time(plain.polled, code, own.polls) for name, code in CELLS.items()}
        rates: dict[str, dict[int, Rate]] = {"trivial": {}, "pandas": {}}
        for name, of_level in rates.items():
            for level in own.levels:
                of_level[level] = await plain.rate(level, CELLS[name], own.rounds, own.seconds)
        reports = {}
        for name in names:
            try:
                reports[name] = await Bench(name, meter, pulse, expected, repeats(name, quick)).measure()
            except SandboxError as error:
                notes.append(f"{name} could not be measured to the end: {error}")
                say(notes[-1])
        counted = "a control group" if meter.group else "/proc (no control group could be made)"
    lines = [
        *environment_lines(),
        f"load at start {load:.2f}, at the end {os.getloadavg()[0]:.2f}" + (" (busy at start)" if load > 1 else ""),
        f"CPU: all of it, of driver and sandboxes from {counted}, of containers from theirs, of the engine from /proc",
        pulse.summary(),
        *(f"{name}: {origin(report)}" for name, report in reports.items()),
        *notes,
    ]
    all_rates = {name: report.rates for name, report in reports.items()} | {"plain python": rates}
    tables = [cells_table(reports, alone, polled), lives_table(reports), rates_table(all_rates)]
    title = "## Sandboxes: `python -m benchmarks.sandbox`" + (" (quick: not for the record)" if quick else "")
    facts = "\n".join(f"- {line}" for line in lines) + "\n"
    return "\n".join([title, "", facts, *tables, memory_table(reports)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__.splitlines()[0])
    parser.add_argument("--backends", type=backend_names, default=list(BACKENDS), help="default: all")
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it works, no more")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick is too rough for the record: leave out --write")
    section = asyncio.run(main(options.backends, options.quick))
    print(section)
    if options.write:
        write_section(_SECTION, section)
