"""Sandboxes by the name that the configuration uses."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from medgym_ray.errors import ConfigError
from medgym_ray.sandboxes.base import Limits, SandboxFactory
from medgym_ray.sandboxes.packages import Packages

KINDS = ("docker", "namespace")


def make_factory(
    kind: str,
    *,
    slots: int,
    run_id: str,
    limits: Limits | None = None,
    packages: Sequence[str] = (),
    wheelhouse: str | None = None,
    index_url: str | None = None,
    **options: Any,
) -> SandboxFactory:
    """A factory of `kind` for `slots` sandboxes whose cells keep to `limits`; `options` are the keys of conf/sandbox.

    Raises ConfigError. Nothing is started or looked for yet: that is `start`.
    """
    if slots < 1:
        raise ConfigError(f"sandbox slots must be at least 1, not {slots}")
    most = limits or Limits()
    allowed = Packages(tuple(packages), wheelhouse, index_url)
    allowed.check()
    given: dict[str, Any] = {"packages": allowed} if allowed.requirements else {}
    # Imported here so that one kind works where the other's packages do not.
    if kind == "namespace":
        from medgym_ray.sandboxes.namespace import NamespaceFactory

        return _make(NamespaceFactory, kind, given, options)
    if kind == "docker":
        from medgym_ray.sandboxes.docker import DockerFactory

        given |= {"run_id": run_id, "memory_mb": most.memory_mb, "processes": most.processes}
        return _make(DockerFactory, kind, given, options)
    raise ConfigError(f"unknown sandbox '{kind}': use one of {', '.join(KINDS)}")


def _make(
    factory: Callable[..., SandboxFactory], kind: str, given: dict[str, Any], options: dict[str, Any]
) -> SandboxFactory:
    known = set(inspect.signature(factory).parameters) - given.keys() | {"packages", "wheelhouse", "index_url"}
    unknown = sorted(options.keys() - known)
    if unknown:
        raise ConfigError(f"unknown key sandbox.{unknown[0]} for sandbox={kind}: use one of {', '.join(sorted(known))}")
    return factory(**given, **options)
