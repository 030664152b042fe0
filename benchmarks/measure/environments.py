"""Interpreters with packages of others, each in an environment of its own, so that none of their needs is ours."""

import hashlib
import subprocess
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure.results import say
from medgym_ray.paths import cache_dir
from medgym_ray.sandboxes.cache import build_once


def python_with(name: str, requirements: Sequence[str], *, beside_ours: bool = False) -> Path:
    """An interpreter that has them; made where it is missing, and kept.

    `beside_ours`: what they do not bring themselves is found among the packages of this interpreter.
    """

    def build(home: Path) -> Path:
        say(f"installing {', '.join(requirements)}")
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
        if beside_ours:
            own = next((home / "lib").glob("python*")) / "site-packages"
            (own / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
        return home

    return build_once(_directory(name, requirements), build) / "bin" / "python"


def is_there(name: str, requirements: Sequence[str]) -> bool:
    """Whether it was made before."""
    return (cache_dir() / _directory(name, requirements)).is_dir()


def _directory(name: str, requirements: Sequence[str]) -> str:
    return f"{name}-{hashlib.sha256(' '.join(requirements).encode()).hexdigest()[:8]}"
