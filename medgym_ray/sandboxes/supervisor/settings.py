"""What the host tells a supervisor at its start."""

import dataclasses
import json
import sys
from typing import Any

PACKAGES = "/work/.packages"
"""Where `pip install` installs: below the episode's own directory, so that a reset takes it away."""

ENVIRONMENT = {
    "PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin",
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/.matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
}
"""All that a cell finds in its environment."""


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """One supervisor's settings; defaults are those of the namespace sandbox."""

    preimport: tuple[str, ...] = ()
    uid: int | None = None
    """The cell's user and group, where the supervisor is root (docker)."""
    drop_to: int | None = None
    """The user and group the fork master becomes, where it starts as root (namespace)."""
    seccomp: bool = True
    work: str = "/work"
    scratch: tuple[str, ...] = ("/work", "/tmp", "/dev/shm", "/dev/mqueue")
    work_mb: int = 256
    scratch_mb: int = 64
    inodes: int = 16_384
    silence_s: float | None = None
    """After so long without a word from its host a supervisor ends, and its container with it: an engine elsewhere may
    keep a stream open whose other end is long gone."""
    extra_environment: tuple[tuple[str, str], ...] = ()
    packages: bool = False
    """Whether cells may install some."""

    @classmethod
    def from_json(cls, text: str) -> "Settings":
        """Reads what `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        for name in ("preimport", "scratch"):
            values[name] = tuple(values[name])
        values["extra_environment"] = tuple((key, value) for key, value in values["extra_environment"])
        return cls(**values)

    def to_json(self) -> str:
        """For the supervisor's command line."""
        return json.dumps(dataclasses.asdict(self))

    def environment(self) -> dict[str, str]:
        """What a cell finds in its environment."""
        path = {"PATH": f"{ENVIRONMENT['PATH']}:{PACKAGES}/bin"} if self.packages else {}
        return ENVIRONMENT | path | dict(self.extra_environment)


def installed_packages() -> str:
    """Where the packages that a cell installs are imported from; to be asked inside."""
    return f"{PACKAGES}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
