"""What is written down, and where: RESULTS.md, with the machine named."""

import contextlib
import math
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import docker
import docker.errors

from benchmarks.measure.processes import CGROUPS, engine
from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.bubblewrap import find_bubblewrap
from medgym_ray.sandboxes.image import image_tag

RESULTS = Path(__file__).parents[1] / "RESULTS.md"


def figure(value: float | None) -> str:
    """A number with the digits that mean something; a dash for none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def put_section(text: str, name: str, body: str) -> str:
    """`text` with `body` between the markers of `name`, at its end where the markers are not there yet."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    head, found, rest = text.partition(begin)
    if not found:
        return f"{text.rstrip()}\n\n{section}\n"
    _, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"{begin} has no end")
    return head + section + tail


def write_section(name: str, body: str) -> None:
    """Replaces one part of RESULTS.md."""
    RESULTS.write_text(put_section(RESULTS.read_text(encoding="utf-8"), name, body), encoding="utf-8")


def say(text: str) -> None:
    """Progress, away from what is printed for the record."""
    print(text, file=sys.stderr, flush=True)


def environment_lines() -> list[str]:
    """What machine this is."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    version = 2 if (CGROUPS / "cgroup.controllers").exists() else 1
    return [
        f"{model[1] if model else platform.processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB",
        f"Linux {platform.release()}, control groups version {version}, Python {platform.python_version()}",
        ", ".join(_versions()),
    ]


def _versions() -> list[str]:
    found = []
    with contextlib.suppress(SandboxError):
        found.append(_first_line([find_bubblewrap(), "--version"]))
    with contextlib.suppress(docker.errors.DockerException, OSError), engine() as client:
        about = client.version()
        parts = {part["Name"]: part["Version"] for part in about.get("Components", [])}
        found.append(f"Docker {about['Version']} (runc {parts.get('runc', '?')}), image {image_tag()}")
    if shutil.which("runsc"):
        found.append(_first_line(["runsc", "--version"]))
    return found


def _first_line(line: list[str]) -> str:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["?"])[0]
