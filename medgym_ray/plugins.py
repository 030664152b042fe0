"""What other packages bring: task families, scorers, policies and sandboxes, named in their pyproject.toml.

    [project.entry-points."medgym_ray.families"]
    fluids = "medgym_example.family:Fluids"

Which names there are is read from the metadata of what is installed. A package's code is imported where one of its
names is asked for, so one that is broken harms nobody else. See docs/extending.md.
"""

import functools
import inspect
import platform
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any

from medgym_ray.errors import ConfigError, MedgymError

_OURS = "medgym-ray"


class Group(StrEnum):
    """A group of entry points."""

    FAMILIES = "medgym_ray.families"
    SCORERS = "medgym_ray.scorers"
    POLICIES = "medgym_ray.policies"
    SANDBOXES = "medgym_ray.sandboxes"

    @property
    def what(self) -> str:
        """What one of the group is called."""
        return _WHAT[self]


_WHAT = {
    Group.FAMILIES: "task family",
    Group.SCORERS: "scorer",
    Group.POLICIES: "policy",
    Group.SANDBOXES: "sandbox",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """Something that another package brings."""

    group: Group
    entry: EntryPoint

    def __str__(self) -> str:
        return f"{self.group.what} '{self.entry.name}' of the package {self.package} ({self.entry.value})"

    @property
    def package(self) -> str:
        """The name by which pip knows it."""
        return str(self.entry.dist.name) if self.entry.dist else "?"

    @property
    def version(self) -> str:
        """Of the package."""
        return self.entry.dist.version if self.entry.dist else "?"

    def load(self) -> Any:
        """What the entry point names: something to call. Raises ConfigError where it cannot be imported."""
        try:
            found = self.entry.load()
        except Exception as error:
            raise ConfigError(f"{self}: cannot be imported ({_told(error)})") from error
        if not callable(found):
            raise ConfigError(f"{self}: it is of type {type(found).__name__}; a class is wanted")
        return found

    def make(self, protocol: type, *arguments: Any, **named: Any) -> Any:
        """Calls it, for something with all members of `protocol`. Raises ConfigError, and our errors that it raises."""
        try:
            made = self.load()(*arguments, **named)
        except MedgymError:
            raise
        except Exception as error:
            raise ConfigError(f"{self}: cannot be made ({_told(error)})") from error
        if lacking := sorted(name for name in _members(protocol) if not hasattr(made, name)):
            raise ConfigError(f"{self}: no {protocol.__name__}, for it lacks {', '.join(lacking)}")
        return made


def names(group: Group) -> list[str]:
    """What other packages bring of a group. Nothing is imported."""
    return sorted(_declared(group))


def find(group: Group, name: str, ours: Collection[str] = ()) -> Plugin | None:
    """Who brings it; None where it is one of `ours`. Raises ConfigError where nobody brings it, or two do."""
    brought = _declared(group).get(name, ())
    packages = [_OURS] * (name in ours) + [plugin.package for plugin in brought]
    if len(packages) > 1:
        raise ConfigError(
            f"two packages bring a {group.what} called '{name}', {' and '.join(packages)}: rename or uninstall one"
        )
    if not packages:
        known = ", ".join(sorted({*ours, *names(group)})) or "none (docs/extending.md says how to bring your own)"
        raise ConfigError(f"no {group.what} called '{name}'; one of: {known}")
    return brought[0] if brought else None


def packages_of(policy: str, sandbox: str, scorer: str | None, families: Iterable[str]) -> dict[str, str]:
    """The packages that bring what a run uses, each with its version; ours is not among them."""
    used = [(Group.POLICIES, policy), (Group.SANDBOXES, sandbox), (Group.SCORERS, scorer)]
    used += [(Group.FAMILIES, family) for family in families]
    brought = [plugin for group, name in used for plugin in _declared(group).get(name or "", ())]
    return {plugin.package: plugin.version for plugin in brought}


def require(packages: Mapping[str, str]) -> None:
    """Raises ConfigError where this machine lacks one of these packages, or has another version of it."""
    for package, wanted in packages.items():
        try:
            there = version(package)
        except PackageNotFoundError:
            there = ""
        if there != wanted:
            raise ConfigError(
                f"{platform.node()} has {f'{package} {there}' if there else f'no {package}'}, and the run is made with "
                f"{package} {wanted}: install that on every node of the cluster"
            )


def _declared(group: Group) -> Mapping[str, tuple[Plugin, ...]]:
    return _read(group, tuple(sys.path))


@functools.cache
def _read(group: Group, path: tuple[str, ...]) -> Mapping[str, tuple[Plugin, ...]]:  # noqa: ARG001 - what it hangs on
    brought: dict[str, tuple[Plugin, ...]] = {}
    for entry in entry_points(group=group):
        brought[entry.name] = (*brought.get(entry.name, ()), Plugin(group, entry))
    return brought


def _members(protocol: type) -> set[str]:
    """The public attributes and methods that a protocol names."""
    annotated = {name for base in protocol.__mro__ for name in inspect.get_annotations(base)}
    return {name for name in annotated | set(dir(protocol)) if not name.startswith("_")}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
