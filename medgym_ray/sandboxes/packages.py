"""What cells may install, as the configuration asks for it."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from medgym_ray.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Packages:
    """What the configuration says of them."""

    requirements: tuple[str, ...]
    wheelhouse: str | None = None
    """A directory of wheels to take them from, instead of an index."""
    index_url: str | None = None
    """Unset: the index of pip's own configuration."""

    def check(self) -> None:
        """Raises ConfigError with one line for what cannot be meant."""
        for text in self.requirements:
            if not _names_a_package(text):
                raise ConfigError(f"sandbox.packages: '{text}' is not a NAME, NAME==VERSION or NAME>=1,<2")
        sources = {"sandbox.wheelhouse": self.wheelhouse, "sandbox.index_url": self.index_url}
        given = [key for key, value in sources.items() if value is not None]
        if given and not self.requirements:
            raise ConfigError(f"{given[0]} without packages: name them too, sandbox.packages=[NAME,…]")
        if len(given) > 1:
            raise ConfigError(f"{' and '.join(given)}: packages come from one of them; leave out the other")
        if self.wheelhouse is not None and not Path(self.wheelhouse).is_absolute():
            raise ConfigError(f"sandbox.wheelhouse={self.wheelhouse}: give the whole path, each node reads its own")
        if self.index_url is not None:
            _check_url(self.index_url)

    def source(self) -> str:
        """Where they come from, in words."""
        return self.wheelhouse or self.index_url or "the index of pip's configuration"


def _names_a_package(text: str) -> bool:
    # Imported here so that sandboxes without such packages need nothing beyond the standard library.
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return not Requirement(text).url
    except InvalidRequirement:
        return False


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"sandbox.index_url={url}: {error}") from None
    if "@" in parts.netloc:
        raise ConfigError(
            "sandbox.index_url holds a user or password, which run.yaml would tell everyone: leave it out and put it "
            "into pip's own configuration (pip config set global.index-url URL)"
        )
    if parts.scheme not in ("http", "https", "file"):
        raise ConfigError(f"sandbox.index_url={url}: give a URL, https://HOST/simple")
