"""The image of the docker sandbox: what goes into it, its name, and (as a command) how it is built."""

import hashlib
from importlib.resources import files
from importlib.resources.abc import Traversable

REPOSITORY = "medgym-sandbox"
BUILD_COMMAND = "python -m medgym_ray.sandboxes.image"
PIP = "pip.py"
SITE_FILES = ("pysam.py", PIP, "packages.pth")
"""What lies beside the packages. pysam is empty: programs of the benchmarks import it and use none of it."""
_FILES = ("Dockerfile", "requirements.txt", "installer.txt", *SITE_FILES)


def build_inputs() -> dict[str, bytes]:
    """Everything that decides what the image is, by path in the build context (the base aside)."""
    sandboxes = files("medgym_ray.sandboxes")
    inputs = {name: (sandboxes / "image" / name).read_bytes() for name in _FILES}
    inputs |= {f"supervisor/{file.name}": file.read_bytes() for file in _modules(sandboxes / "supervisor")}
    return inputs


def image_file(name: str) -> str:
    """The text of a file that lies beside the Dockerfile."""
    return (files("medgym_ray.sandboxes") / "image" / name).read_text(encoding="utf-8")


def image_tag() -> str:
    """The name of the image of exactly these inputs, so that a stale image is never used."""
    digest = hashlib.sha256()
    for path, data in sorted(build_inputs().items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def _modules(directory: Traversable) -> list[Traversable]:
    return [file for file in directory.iterdir() if file.name.endswith(".py")]
