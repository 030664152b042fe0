"""Hydra's composition: files of `conf`, the schema of a command, what plugins offer, what was typed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from medgym_ray import plugins
from medgym_ray.cli.arguments import plain_groups
from medgym_ray.cli.wording import explain
from medgym_ray.errors import ConfigError
from medgym_ray.paths import conf_dir
from medgym_ray.plugins import Group

# From 1.4 on Hydra warns where a version base is given, before it where none is.
VERSION_BASE: dict[str, Any] = {} if hydra.__version__ >= "1.4" else {"version_base": "1.3"}

ConfigT = TypeVar("ConfigT")


def offer(config_name: str, schema: type[Any]) -> None:
    """The schema that a command's file names, and what other packages bring: tasks=NAME, +model=NAME, sandbox=NAME."""
    store = ConfigStore.instance()
    store.store(name=f"{config_name}_schema", node=schema)
    for name in plugins.names(Group.FAMILIES):
        store.store(group="tasks", name=name, node={"families": [name]})
    for name in plugins.names(Group.POLICIES):
        store.store(group="model", name=name, node={"name": name, "kind": name, "gpus": 0})
    for name in plugins.names(Group.SANDBOXES):
        store.store(group="sandbox", name=name, node={"kind": name})


@contextmanager
def composing(config_name: str) -> Iterator[None]:
    """Hydra is ready to compose. Raises ConfigError for its errors."""
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf_dir()), job_name=config_name, **VERSION_BASE):
            yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error


def load(tree: DictConfig, schema: type[ConfigT]) -> ConfigT:
    """The composed tree as a `schema` object; ConfigError for an unknown key (`+key=` too) or a missing value."""
    try:
        missing = sorted(OmegaConf.missing_keys(tree))
        if missing:
            raise ConfigError(f"no value for {', '.join(missing)}; add {' '.join(f'{key}=VALUE' for key in missing)}")
        plain = OmegaConf.to_container(tree, resolve=True)
        return cast(ConfigT, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), plain)))
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error)) from error


def composed(config_name: str, schema: type[ConfigT], overrides: Sequence[str]) -> ConfigT:
    """What another command would be told by these overrides, within one that runs. Raises ConfigError."""
    ConfigStore.instance().store(name=f"{config_name}_schema", node=schema)
    with composing(config_name):
        return load(hydra.compose(config_name, plain_groups(overrides)), schema)


def choices(config_name: str) -> dict[str, str]:
    """The groups of a command and what each is unless another is chosen; `???` where one has to be chosen."""
    defaults = OmegaConf.load(conf_dir() / f"{config_name}.yaml").defaults
    entries = [entry for entry in defaults if isinstance(entry, DictConfig)]
    # A dict's items would raise for a value that is missing.
    plain = [cast(dict[str, str], OmegaConf.to_container(entry)) for entry in entries]
    return {group: name for entry in plain for group, name in entry.items() if not group.startswith("override ")}


def names(group: str) -> list[str]:
    """What can be chosen; within `composing`."""
    return list(GlobalHydra.instance().config_loader().get_group_options(group))


def settled(config_name: str, overrides: Sequence[str]) -> list[str]:
    """The overrides, and what lets Hydra compose though a choice that has to be made is not made yet."""
    chosen = {override.partition("=")[0] for override in overrides}
    unmade = [group for group, name in choices(config_name).items() if name == "???" and group not in chosen]
    return [*(f"~{group}" for group in unmade), *overrides]


def tree(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """What these overrides make of a command, Hydra's own part with it; within `composing`."""
    return hydra.compose(config_name, settled(config_name, overrides), return_hydra_config=True)
