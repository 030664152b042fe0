"""The Python environment of the namespace sandbox: a venv with the packages of the image, built once per user."""

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.errors import SandboxError
from medgym_ray.paths import cache_dir
from medgym_ray.sandboxes.image import image_file

_log = logging.getLogger(__name__)

VARIABLE = "MEDGYM_SANDBOX_ENV"
REQUIREMENTS = "requirements.txt"
SHIM = "pysam.py"
"""An empty module: programs of the benchmarks import pysam and use none of it."""
_PROBE = "import sys, sysconfig; print(sys.version.split()[0], sys.base_prefix, sys._base_executable, sep='\\n')"
_PROBE += "; print(int(bool(sysconfig.get_config_var('Py_ENABLE_SHARED'))), sysconfig.get_path('purelib'), sep='\\n')"


@dataclass(frozen=True, slots=True)
class Environment:
    """A venv, and the interpreter it rests on."""

    path: Path
    version: str
    prefix: Path
    executable: Path
    shared: bool
    """Whether the interpreter needs its own shared library."""
    digest: str


def ensure_environment(python: str | None = None) -> Environment:
    """The environment for `python` (default: this interpreter's), built where it is missing. Raises SandboxError."""
    named = os.environ.get(VARIABLE)
    if named:
        return _inspect(Path(named).expanduser())
    base = python or str(getattr(sys, "_base_executable", sys.executable))
    version = _ask(base)[0]
    if tuple(int(part) for part in version.split(".")[:2]) < (3, 11):
        raise SandboxError(f"the sandbox needs Python 3.11 or newer, {base} is {version}")
    digest = hashlib.sha256("\n".join((image_file(REQUIREMENTS), image_file(SHIM), version)).encode()).hexdigest()
    cache = cache_dir()
    target = cache / f"sandbox-env-{digest[:16]}"
    if not target.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with _lock(cache / f"{target.name}.lock"):
                if not target.is_dir():  # another process may have built it while this one waited
                    _build(base, target)
        except OSError as error:
            raise SandboxError(f"cannot build the sandbox's Python environment in {cache}: {error}") from None
    return _inspect(target)


def _build(base: str, target: Path) -> None:
    """Builds beside the target and renames, so that a half-built environment never has its name."""
    _log.info("building the sandbox's Python environment in %s (once; takes a minute or two)", target)
    log = target.with_suffix(".log")
    building = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    building.chmod(0o755)
    requirements = building / REQUIREMENTS
    requirements.write_text(image_file(REQUIREMENTS), encoding="utf-8")
    try:
        with log.open("wb") as output:
            for command in (
                [base, "-m", "venv", str(building / "venv")],
                [str(building / "venv/bin/python"), "-m", "pip", "install", "--no-input", "-r", str(requirements)],
                [str(building / "venv/bin/python"), "-m", "pip", "uninstall", "-y", "pip", "setuptools"],
            ):
                # Readable by every user: the sandbox is not run as this one where this one is root.
                subprocess.run(command, stdout=output, stderr=output, check=True, umask=0o022)
        site = Path(_ask(str(building / "venv/bin/python"))[4])
        (site / SHIM).write_text(image_file(SHIM), encoding="utf-8")
        (site / SHIM).chmod(0o644)
        (building / "venv").rename(target)
        _log.info("built %s", target)
    except (OSError, subprocess.SubprocessError):
        raise SandboxError(f"the sandbox's Python environment could not be built; see {log}") from None
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _inspect(path: Path) -> Environment:
    """What lies in a ready environment."""
    version, prefix, executable, shared, site = _ask(str(path / "bin" / "python"))
    packages = sorted(entry.name for entry in Path(site).glob("*.dist-info"))
    digest = hashlib.sha256("\n".join((version, *packages)).encode()).hexdigest()
    return Environment(
        path.resolve(), version, Path(prefix).resolve(), Path(executable).resolve(), shared == "1", digest[:16]
    )


def _ask(python: str) -> list[str]:
    try:
        done = subprocess.run([python, "-I", "-c", _PROBE], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the sandbox's Python {python} does not run: {error}") from None
    return done.stdout.splitlines()


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
