"""What the host tells a supervisor at its start."""

import dataclasses
import json
from typing import Any

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
    extra_environment: tuple[tuple[str, str], ...] = ()

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
        return ENVIRONMENT | dict(self.extra_environment)
