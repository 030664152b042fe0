"""The packages that cells may install, as a directory of wheels that sandboxes are shown; fetched once per node."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.errors import SandboxError
from medgym_ray.paths import cache_dir
from medgym_ray.sandboxes import cache
from medgym_ray.sandboxes.image.pip import ALLOWED, WHEELS
from medgym_ray.sandboxes.packages import Packages

_log = logging.getLogger(__name__)

_FORMAT = 1
_SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """Where the wheels are, and which."""

    path: Path
    versions: Mapping[str, str]
    digest: str

    def mount(self) -> dict[str, Path]:
        """By path inside a sandbox."""
        return {WHEELS: self.path}

    def provenance(self) -> dict[str, str]:
        """For the record."""
        names = " ".join(f"{name}=={version}" for name, version in sorted(self.versions.items()))
        return {"packages": names, "packages_digest": self.digest}


def ensure_wheelhouse(packages: Packages, environment: str, ask: Callable[[str], str]) -> Wheelhouse:
    """The wheels of `packages`, fetched where they are missing. Raises SandboxError.

    `environment` says which sandbox's Python they are for, `ask` runs a program with it and gives back what it prints.
    """
    key = [_FORMAT, sorted(packages.requirements), packages.index_url, _listing(packages.wheelhouse), environment]
    name = f"wheels-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}"
    try:
        path = cache.build_once(name, lambda building: _build(packages, ask, building, cache.log_file(name)))
        versions: dict[str, str] = json.loads((path / ALLOWED).read_text(encoding="utf-8"))
        return Wheelhouse(path, versions, _sha256(path / _SUMS)[:16])
    except (OSError, ValueError) as error:
        raise SandboxError(f"sandbox.packages: no wheels can be kept in {cache_dir() / name}: {error}") from None


def _listing(wheelhouse: str | None) -> list[list[str | int]] | None:
    """What is in the source, so that other wheels there are other wheels here."""
    if wheelhouse is None:
        return None
    try:
        found = [(path.name, path.stat()) for path in sorted(Path(wheelhouse).iterdir()) if path.suffix == ".whl"]
    except OSError as error:
        raise SandboxError(f"sandbox.wheelhouse={wheelhouse}: {error.strerror} on this machine") from None
    if not found:
        raise SandboxError(f"sandbox.wheelhouse={wheelhouse}: there is no wheel (*.whl) in it")
    return [[name, state.st_size, state.st_mtime_ns] for name, state in found]


def _build(packages: Packages, ask: Callable[[str], str], building: Path, log: Path) -> Path:
    from medgym_ray.sandboxes import resolver  # needs more than the standard library

    _log.info("fetching the packages that cells may install (once per node; see %s)", log)
    versions = resolver.resolve(packages, resolver.target(ask), building, log)
    wheels = building / resolver.WHEELS
    sums = "".join(f"{_sha256(path)}  {path.name}\n" for path in sorted(wheels.glob("*.whl")))
    (wheels / _SUMS).write_text(sums, encoding="utf-8")
    (wheels / ALLOWED).write_text(json.dumps(versions, sort_keys=True), encoding="utf-8")
    for path in (wheels, *wheels.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)  # cells are another user
    return wheels


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
