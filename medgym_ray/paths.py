"""Where the configuration and the bundled sample lie (beside the package in a checkout, inside it in a wheel), and the
cache of what is built once per user."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def conf_dir() -> Path:
    """The folder of Hydra configurations."""
    return _bundled("conf", "generate.yaml")


def sample_dir() -> Path:
    """The root of the bundled synthetic sample, in the original's layout."""
    return _bundled("data", "README.md")


def cache_dir() -> Path:
    """The user's cache of this project."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "medgym_ray"


def _bundled(folder: str, witness: str) -> Path:
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / folder / witness).is_file():
            return parent / folder
    raise FileNotFoundError(f"no {folder}/{witness} inside or beside {_PACKAGE}")
