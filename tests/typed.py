"""Commands as a user types them: a process of its own, in a folder, with none of this process's settings."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from tests.conftest import REPOSITORY

_SETTINGS = ("HYDRA_", "MEDGYM_", "RAY_")


def clean_environment(*prefixes: str) -> dict[str, str]:
    """Without variables that change what our commands do, nor those of further prefixes."""
    return {name: value for name, value in os.environ.items() if not name.startswith((*_SETTINGS, *prefixes))}


def typed(
    folder: Path, module: str, *arguments: str, output: IO[str] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    """`python -m medgym_ray.MODULE ARGUMENTS`, which has two minutes; what it prints goes to `output`."""
    return subprocess.run(
        [sys.executable, "-m", f"medgym_ray.{module}", *arguments],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": str(REPOSITORY)},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
