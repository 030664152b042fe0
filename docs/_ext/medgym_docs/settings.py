"""The keys of a command: from its dataclasses, what stands below their fields, and the defaults that its YAML gives."""

import ast
import dataclasses
import inspect
import itertools
import textwrap
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from medgym_docs.commands import Command
from medgym_ray.config import MISSING
from medgym_ray.paths import conf_dir


@dataclass(frozen=True)
class Key:
    """One key of a section."""

    name: str
    type: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Section:
    """The keys under one prefix; `schema` is the dataclass that has them."""

    prefix: str
    schema: type[Any]
    keys: tuple[Key, ...]

    @property
    def meaning(self) -> str:
        """The dataclass's docstring."""
        return inspect.getdoc(self.schema) or ""


def sections(command: Command) -> list[Section]:
    """The sections of a command, its own keys (prefix "") first."""
    return list(_sections("", command.schema, _composed(command)))


def _sections(prefix: str, schema: type[Any], defaults: DictConfig) -> Iterator[Section]:
    hints, meanings = get_type_hints(schema), attribute_docs(schema)
    keys, below = [], []
    for field in dataclasses.fields(schema):
        name = f"{prefix}{field.name}"
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            below.append((f"{name}.", hint))
        else:
            keys.append(Key(name, _type(hint), _default(defaults, name), meanings.get(field.name, "")))
    yield Section(prefix, schema, tuple(keys))
    for child, child_schema in below:
        yield from _sections(child, child_schema, defaults)


def _composed(command: Command) -> DictConfig:
    """What the command would have where nothing is typed; of a command that must be told a group, its dataclasses."""
    ConfigStore.instance().store(name=f"{command.config_name}_schema", node=command.schema)
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf_dir()), job_name=command.config_name, version_base="1.3"):
            return hydra.compose(command.config_name)
    except HydraException:
        return OmegaConf.structured(command.schema)
    finally:
        GlobalHydra.instance().clear()


def _default(tree: DictConfig, key: str) -> str:
    if OmegaConf.is_missing(OmegaConf.select(tree, key.rpartition(".")[0]) if "." in key else tree, key.split(".")[-1]):
        return "required"
    value = OmegaConf.select(tree, key)
    if value is None:
        return ""
    plain = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
    if plain == MISSING:
        return "required"
    shown = str(plain).lower() if isinstance(plain, bool) else str(plain)
    return f"`{shown}`"


def _type(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_type(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is list:
        return f"list of {_type(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return "mapping"
    return "any" if hint is Any else str(getattr(hint, "__name__", hint))


@cache
def attribute_docs(schema: type[Any]) -> dict[str, str]:
    """What string literals below the fields of a class say of them, those of its bases included."""
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        if base is object or not dataclasses.is_dataclass(base):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for statement, below in itertools.pairwise(body):
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[statement.target.id] = inspect.cleandoc(str(below.value.value))
    return found
