"""Where the configuration and the bundled sample lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def conf_dir() -> Path:
    """The folder of Hydra configurations."""
    return _bundled("conf", "generate.yaml")


def sample_dir() -> Path:
    """The root of the bundled synthetic sample, in the original's layout."""
    return _bundled("data", "README.md")


def _bundled(folder: str, witness: str) -> Path:
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / folder / witness).is_file():
            return parent / folder
    raise FileNotFoundError(f"no {folder}/{witness} inside or beside {_PACKAGE}")
