"""Where a run's directory lies, from what the user typed."""

from pathlib import Path

from medgym_ray.errors import ConfigError
from medgym_ray.store.directory import Directory
from medgym_ray.store.local import LocalDirectory
from medgym_ray.store.objects import ObjectDirectory

Root = Path | Directory


def root_at(text: str, key: str = "output.dir") -> Root:
    """`s3://BUCKET/PREFIX`, or a path of this machine. Raises ConfigError for an address that cannot be meant."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text).expanduser().absolute()
    if scheme != "s3":
        raise ConfigError(f"{key}={scheme}://…: give a directory or s3://BUCKET/PREFIX")
    return ObjectDirectory(text, key)


def directory(root: Root) -> Directory:
    """What the store works with."""
    return LocalDirectory(root) if isinstance(root, Path) else root
