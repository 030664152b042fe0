"""The Python environment of the namespace sandbox: a venv with the packages of the image, built once per user."""

import hashlib
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.errors import SandboxError
from medgym_ray.paths import cache_dir
from medgym_ray.sandboxes import cache
from medgym_ray.sandboxes.image import PIP, SITE_FILES, image_file

_log = logging.getLogger(__name__)

VARIABLE = "MEDGYM_SANDBOX_ENV"
REQUIREMENTS = "requirements.txt"
INSTALLER = "installer.txt"
"""pip for the cells, kept where no import finds it: `pip.py` stands before it."""
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

    def ask(self, program: str) -> str:
        """What `program` prints, run with it (outside of any sandbox). Raises SandboxError."""
        return _ask(str(self.path / "bin" / "python"), program)


def ensure_environment(python: str | None = None) -> Environment:
    """The environment for `python` (default: this interpreter's), built where it is missing. Raises SandboxError."""
    named = os.environ.get(VARIABLE)
    if named:
        return _inspect(Path(named).expanduser())
    base = python or str(getattr(sys, "_base_executable", sys.executable))
    version = _ask(base).splitlines()[0]
    if tuple(int(part) for part in version.split(".")[:2]) < (3, 11):
        raise SandboxError(f"the sandbox needs Python 3.11 or newer, {base} is {version}")
    # Without the command of pip: whoever uses the environment lays its own version over it.
    texts = [image_file(name) for name in (REQUIREMENTS, INSTALLER, *SITE_FILES) if name != PIP]
    digest = hashlib.sha256("\n".join((*texts, version)).encode()).hexdigest()
    name = f"sandbox-env-{digest[:16]}"
    try:
        return _inspect(cache.build_once(name, lambda building: _build(base, building, cache.log_file(name))))
    except OSError as error:
        raise SandboxError(f"cannot build the sandbox's Python environment in {cache_dir()}: {error}") from None


def _build(base: str, building: Path, log: Path) -> Path:
    _log.info("building the sandbox's Python environment (once; takes a minute or two; see %s)", log)
    venv = building / "venv"
    for name in (REQUIREMENTS, INSTALLER):
        (building / name).write_text(image_file(name), encoding="utf-8")
    pip = [str(venv / "bin/python"), "-m", "pip"]
    try:
        with log.open("wb") as output:
            for command in (
                [base, "-m", "venv", str(venv)],
                [*pip, "install", "--no-input", "-r", str(building / REQUIREMENTS)],
                [*pip, "install", "--no-input", "--target", str(venv / "installer"), "-r", str(building / INSTALLER)],
                [*pip, "uninstall", "-y", "pip", "setuptools"],
            ):
                # Readable by every user: the sandbox is not run as this one where this one is root.
                subprocess.run(command, stdout=output, stderr=output, check=True, umask=0o022)
        site = Path(_ask(str(venv / "bin/python")).splitlines()[4])
        for name in SITE_FILES:
            (site / name).write_text(image_file(name), encoding="utf-8")
            (site / name).chmod(0o644)
    except (OSError, subprocess.SubprocessError):
        raise SandboxError(f"the sandbox's Python environment could not be built; see {log}") from None
    return venv


def _inspect(path: Path) -> Environment:
    """What lies in a ready environment."""
    version, prefix, executable, shared, site = _ask(str(path / "bin" / "python")).splitlines()
    packages = sorted(entry.name for entry in Path(site).glob("*.dist-info"))
    digest = hashlib.sha256("\n".join((version, *packages)).encode()).hexdigest()
    return Environment(
        path.resolve(), version, Path(prefix).resolve(), Path(executable).resolve(), shared == "1", digest[:16]
    )


def _ask(python: str, program: str = _PROBE) -> str:
    try:
        done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the sandbox's Python {python} does not run: {error}") from None
    return done.stdout
