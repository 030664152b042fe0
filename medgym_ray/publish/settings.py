"""What is to be published, and where."""

import re
from dataclasses import dataclass, field

from medgym_ray.config import MISSING, PrivacyConfig
from medgym_ray.errors import ConfigError

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)


@dataclass
class DraftConfig:
    """Where it is put to be looked at, in the place of an upload."""

    dir: str | None = None


@dataclass
class PublishConfig:
    """Which run, as what, and where to."""

    run: str = MISSING
    repo: str | None = None
    """USER/NAME of a data set of the Hub."""
    private: bool = True
    redact: bool = False
    """Restricted rows without what was written of patients."""
    views: list[str] = field(default_factory=list)
    """Directories that medgym_ray.export made."""
    audit: str | None = None
    """The audit.json of medgym_ray.audit."""
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    output: DraftConfig = field(default_factory=DraftConfig)


def check(config: PublishConfig) -> None:
    """Raises ConfigError for what cannot be meant."""
    if (config.repo is None) == (config.output.dir is None):
        raise ConfigError(
            "give repo=USER/NAME to upload, or output.dir=DIR to look first at what would be (one of them)"
        )
    if config.repo is not None and (not _REPO.fullmatch(config.repo) or ".." in config.repo or "--" in config.repo):
        raise ConfigError(
            f"repo={config.repo}: not the name of a data set; give repo=USER/NAME, of letters, digits and single . - _"
        )
