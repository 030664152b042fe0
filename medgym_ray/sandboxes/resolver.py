"""From names to wheels: pip's resolver, run on the host for the Python of a sandbox.

The sandbox's own packages keep their versions: for the resolver each is an empty wheel of exactly what is there, and
none of them is among the wheels in the end. So nothing that a cell installs can stand before what is there.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.packages import Packages

WHEELS = "wheels"
_UNREACHABLE = ("connection broken by", "Connection refused", "name resolution", "ConnectTimeout", "ProxyError")
_FAILED = "ERROR: "
_NOT_FOUND = "No matching distribution found for "
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
_NAMES_OF_GLIBC = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}

_PROBE = """
import importlib.metadata, json, os, platform, sys
print(json.dumps({
    "glibc": platform.libc_ver()[1],
    "installer": os.path.isdir(os.path.join(sys.prefix, "installer")),
    "installed": {d.metadata["Name"]: d.version for d in importlib.metadata.distributions() if d.metadata["Name"]},
    "markers": {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    },
}))
"""


@dataclass(frozen=True, slots=True)
class Target:
    """The Python that the wheels are for."""

    glibc: str
    installer: bool
    installed: Mapping[str, str]
    markers: dict[str, str]

    def platforms(self) -> list[str]:
        """What wheels may be built for, best first."""
        machine, newest = self.markers["platform_machine"], int(self.glibc.split(".")[1])
        platforms = []
        for minor in range(newest, _OLDEST_GLIBC.get(machine, 17) - 1, -1):
            platforms += [f"manylinux_2_{minor}_{machine}"]
            platforms += [f"{_NAMES_OF_GLIBC[minor]}_{machine}"] if minor in _NAMES_OF_GLIBC else []
        return [*platforms, f"linux_{machine}"]

    def options(self) -> list[str]:
        """pip's, for what may be another Python than the one that runs it."""
        platforms = [part for platform in self.platforms() for part in ("--platform", platform)]
        return ["--python-version", self.markers["python_full_version"], "--implementation", "cp", *platforms]

    def best_tag(self) -> str:
        """What a wheel is called that is taken before all others of its version."""
        python = "cp" + self.markers["python_version"].replace(".", "")
        return f"{python}-{python}-{self.platforms()[0]}"


@dataclass(frozen=True, slots=True)
class _Wheel:
    path: Path
    name: str
    version: str
    needs: tuple[str, ...]


def target(ask: Callable[[str], str]) -> Target:
    """What a sandbox's Python says of itself. Raises SandboxError where it cannot install."""
    found = Target(**json.loads(ask(_PROBE)))
    if not found.installer or not found.glibc.startswith("2."):
        lacking = "glibc" if found.installer else "installer"
        raise SandboxError(
            f"sandbox.packages does not go with this sandbox's Python, which has no {lacking}: leave out sandbox.image "
            "and MEDGYM_SANDBOX_ENV"
        )
    return found


def resolve(packages: Packages, target: Target, building: Path, log: Path) -> dict[str, str]:
    """Puts the wheels into `building`/wheels; gives back their versions by name. Raises SandboxError."""
    if PathFinder.find_spec("pip") is None:  # past setuptools' own finder: asked for pip, it can be imported no more
        raise SandboxError(f"sandbox.packages needs pip in the Python that runs this: {sys.executable} -m ensurepip")
    wheels, line, environment = building / WHEELS, _command(packages, target, building), dict(os.environ)
    if packages.wheelhouse is not None:
        environment["PIP_CONFIG_FILE"] = os.devnull  # the directory alone, not what pip knows besides
    wanted, missed = list(packages.requirements), [""]
    while missed:
        shutil.rmtree(wheels, ignore_errors=True)
        wheels.mkdir()
        command = [*line, "--", *wanted]
        with log.open("w", encoding="utf-8") as output:
            print(shlex.join(command), file=output, flush=True)
            done = subprocess.run(command, stdout=output, stderr=output, env=environment, check=False)
        if done.returncode != 0:
            said = log.read_text(encoding="utf-8", errors="replace")
            raise SandboxError(f"sandbox.packages: {_reason(said, packages, target)}; see {log}")
        there = {wheel.name: wheel for wheel in map(_read_wheel, wheels.glob("*.whl"))}
        needed, missed = _closure(wanted, there, target)
        missed = [text for text in missed if text not in wanted]
        wanted += missed
    for name, wheel in there.items():
        if name not in needed:
            wheel.path.unlink()
    return {name: there[name].version for name in needed}


def _command(packages: Packages, target: Target, building: Path) -> list[str]:
    stubs, constraints = building / "stubs", building / "constraints.txt"
    stubs.mkdir()
    for name, version in target.installed.items():
        _write_stub(stubs, name, version, target.best_tag())
    pinned = "".join(f"{name}=={version}\n" for name, version in target.installed.items())
    constraints.write_text(pinned, encoding="utf-8")
    line = [sys.executable, "-m", "pip", "download", "--dest", str(building / WHEELS), "--only-binary", ":all:"]
    line += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2"]
    line += [*target.options(), "--constraint", str(constraints), "--find-links", str(stubs)]
    if packages.wheelhouse is not None:
        line += ["--isolated", "--no-index", "--find-links", packages.wheelhouse]
    elif packages.index_url is not None:
        line += ["--index-url", packages.index_url]
    return line


def _write_stub(directory: Path, name: str, version: str, tag: str) -> None:
    """An empty wheel, which pip takes for the package itself."""
    stem = f"{canonicalize_name(name).replace('-', '_')}-{version}"
    with zipfile.ZipFile(directory / f"{stem}-1-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")


def _read_wheel(path: Path) -> _Wheel:
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA") and name.count("/") == 1]
        text = wheel.read(names[0]).decode("utf-8", "replace") if names else ""
    headers: Any = HeaderParser().parsestr(text)
    name = canonicalize_name(str(headers["Name"]))
    return _Wheel(path, name, str(headers["Version"]), tuple(headers.get_all("Requires-Dist", ())))


def _closure(wanted: Sequence[str], there: Mapping[str, _Wheel], target: Target) -> tuple[set[str], list[str]]:
    """The names that `wanted` comes to beyond what is installed, and what pip has left out of it.

    pip chooses wheels for the target, but judges markers ("only before Python 3.12") by the Python that runs it.
    """
    installed = {canonicalize_name(name) for name in target.installed}
    todo = [(Requirement(text), "") for text in wanted]
    needed: set[str] = set()
    missed: list[str] = []
    seen = set()
    while todo:
        need, extra = todo.pop()
        name = canonicalize_name(need.name)
        if need.marker is not None and not need.marker.evaluate(target.markers | {"extra": extra}):
            continue
        if name in installed:
            continue
        if name not in there:
            need.marker = None
            missed.append(str(need))
            continue
        needed.add(name)
        for inner in ("", *need.extras):
            if (name, inner) not in seen:
                seen.add((name, inner))
                todo += [(_requirement(text, name), inner) for text in there[name].needs]
    return needed, missed


def _requirement(text: str, of: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement:
        raise SandboxError(f"sandbox.packages: {of} asks for '{text}', which names no package") from None


def _reason(said: str, packages: Packages, target: Target) -> str:
    """Why pip has failed, in one line."""
    if packages.wheelhouse is None and any(word in said for word in _UNREACHABLE):
        return f"{packages.source()} does not answer; give sandbox.index_url=URL, or sandbox.wheelhouse=DIR with wheels"
    errors = [line.removeprefix(_FAILED) for line in said.splitlines() if line.startswith(_FAILED)]
    lacking = next((line.removeprefix(_NOT_FOUND) for line in errors if line.startswith(_NOT_FOUND)), None)
    if lacking is not None:
        python = f"Python {target.markers['python_version']} on {target.markers['platform_machine']}"
        return f"{packages.source()} has no wheel of {lacking} for {python} (no such name or version, or only sources)"
    if any("ResolutionImpossible" in line or "conflict" in line for line in errors):
        return f"the versions do not go together, or not with what is in the sandbox ({_conflict(said)})"
    return " ".join((errors or said.splitlines() or ["pip failed and said nothing"])[-1].split())[:300]


def _conflict(said: str) -> str:
    """pip's paragraph on what wants what."""
    _, _, told = said.partition("The conflict is caused by:")
    lines = told.strip().partition("\n\n")[0].splitlines()
    return "; ".join(" ".join(line.split()) for line in lines)[:300] or "pip says no more"
