"""Builds the sandbox's image: `python -m medgym_ray.sandboxes.image [--base IMAGE]`.

With `--base` (or a registry in reach) the image rests on that image, which needs Python 3.11 or newer and bash.
`--base debian` makes a base from Debian's packages with mmdebstrap or debootstrap; that needs root, and no registry.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from medgym_ray.sandboxes.image import REPOSITORY, build_inputs, image_tag

_DEBIAN_BASE = f"{REPOSITORY}-base:bookworm"
_PACKAGES = "ca-certificates,python3,python3-venv"
_LEFT_OUT = ("./var/lib/apt/lists/*", "./var/cache/apt/*", "./usr/share/doc/*", "./usr/share/man/*", "./dev/*")
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class BuildError(Exception):
    """Why there is no image."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 where the image is there."""
    parser = argparse.ArgumentParser(prog="python -m medgym_ray.sandboxes.image", description="Builds the image.")
    parser.add_argument("--base", help="an image with Python 3.11 or newer; 'debian' makes one from Debian's packages")
    parser.add_argument("--force", action="store_true", help="build also where the image is there")
    options = parser.parse_args(arguments)
    tag = image_tag()
    try:
        if not options.force and _has_image(tag):
            _say(f"{tag} is there")
            return 0
        build(tag, options.base or _default_base())
    except BuildError as error:
        _say(f"error: {error}")
        return 1
    _say(f"built {tag}")
    return 0


def build(tag: str, base: str) -> None:
    """Builds the image `tag` on `base`. Raises BuildError."""
    if base == "debian":
        base = _debian_base()
    with tempfile.TemporaryDirectory(prefix="medgym-image-") as name:
        context = Path(name)
        for path, data in build_inputs().items():
            (context / path).parent.mkdir(exist_ok=True)
            (context / path).write_bytes(data)
        (context / "ca.crt").write_bytes(_certificates())
        for file in (context, *context.rglob("*")):
            file.chmod(0o755 if file.is_dir() else 0o644)
        _say(f"building {tag} on {base} (a few minutes)")
        _run(["docker", "build", "--tag", tag, "--build-arg", f"BASE={base}", str(context)])


def _default_base() -> str:
    """Debian's packages on Debian as root, else the image that the Dockerfile names."""
    is_debian = Path("/etc/debian_version").exists() and (shutil.which("mmdebstrap") or shutil.which("debootstrap"))
    return "debian" if is_debian and os.getuid() == 0 else "python:3.11-slim"


def _debian_base() -> str:
    """A base image made here; kept for the next build."""
    if _has_image(_DEBIAN_BASE):
        return _DEBIAN_BASE
    _say("making a base from Debian's packages (about a minute)")
    with tempfile.TemporaryDirectory(prefix="medgym-base-") as name:
        root, archive = Path(name, "root"), Path(name, "root.tar")
        if shutil.which("mmdebstrap"):
            _run(["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root)])
        elif shutil.which("debootstrap"):
            _run(["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root)])
        else:
            raise BuildError(
                "neither mmdebstrap nor debootstrap is installed: apt-get install mmdebstrap, or use --base"
            )
        _run(["tar", "-C", str(root), *(f"--exclude={path}" for path in _LEFT_OUT), "-cf", str(archive), "."])
        _run(["docker", "import", str(archive), _DEBIAN_BASE])
    return _DEBIAN_BASE


def _certificates() -> bytes:
    """What this machine's own pip is told to trust, if it is told anything."""
    for variable in _CERTIFICATES:
        path = os.environ.get(variable)
        if path and Path(path).is_file():
            return Path(path).read_bytes()
    return b""


def _has_image(tag: str) -> bool:
    found = subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False)
    if b"Cannot connect" in found.stderr:
        raise BuildError("Docker does not answer: start it (systemctl start docker)")
    return found.returncode == 0


def _run(line: list[str]) -> None:
    try:
        done = subprocess.run(line, check=False)
    except FileNotFoundError:
        raise BuildError(f"{line[0]} is not installed") from None
    if done.returncode != 0:
        raise BuildError(f"'{' '.join(line[:2])}' failed with status {done.returncode}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
