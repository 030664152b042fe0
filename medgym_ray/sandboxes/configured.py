"""From the configuration's keys to a factory of sandboxes."""

from collections.abc import Mapping
from pathlib import Path

from medgym_ray import plugins
from medgym_ray.config import SandboxConfig
from medgym_ray.plugins import Group
from medgym_ray.sandboxes.base import SandboxFactory
from medgym_ray.sandboxes.registry import KINDS, make_factory

_OPTIONAL = (
    *("preimport", "work_mb", "scratch_mb", "image", "runtime", "cpus", "python"),
    *("packages", "wheelhouse", "index_url"),
)
"""Keys that some kinds of sandbox take and others don't."""


def configured_factory(sandbox: SandboxConfig, *, run_id: str, mounts: Mapping[str, Path]) -> SandboxFactory:
    """A factory as the configuration asks for it, with `mounts` (path in the sandbox → outside). Raises ConfigError.

    Another package's is called with the same arguments, and may call this one for the kind that it builds upon.
    """
    plugin = plugins.find(Group.SANDBOXES, sandbox.kind, KINDS)
    if plugin is not None:
        factory: SandboxFactory = plugin.make(SandboxFactory, sandbox, run_id=run_id, mounts=mounts)
        return factory
    options = {name: value for name in _OPTIONAL if (value := getattr(sandbox, name)) is not None}
    slots, limits = sandbox.concurrency, sandbox.limits
    return make_factory(sandbox.kind, slots=slots, run_id=run_id, limits=limits, mounts=mounts, **options)
