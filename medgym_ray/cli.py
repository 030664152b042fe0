"""The shell of every command: Hydra's composition, one-line errors, exit codes.

Exit code 0: done; 1: some work could not be done; 2: a command or configuration that cannot be used (one line);
130: interrupted.
"""

import difflib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from medgym_ray import plugins
from medgym_ray.errors import ConfigError, MedgymError
from medgym_ray.paths import conf_dir
from medgym_ray.plugins import Group

_GROUPS_WITH_DEFAULT = ("model", "tasks", "sandbox", "sampling", "cluster", "output", "agent", "recipe")
# From 1.4 on Hydra warns where a version base is given, before it where none is.
_VERSION_BASE: dict[str, Any] = {} if hydra.__version__ >= "1.4" else {"version_base": "1.3"}

_FLAGS = {
    *("--help", "--hydra-help", "--version", "--cfg", "--resolve", "--package", "--run", "--multirun", "--info"),
    *("--shell-completion", "--config-path", "--config-name", "--config-dir", "--experimental-rerun"),
}
"""Hydra's own."""

_TRACEBACKS = "MEDGYM_TRACEBACK"
"""Set in the environment, an error that nobody foresaw is shown with its traceback."""

ConfigT = TypeVar("ConfigT")


def main(
    config_name: str,
    schema: type[ConfigT],
    run: Callable[[ConfigT], int],
    switches: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> None:
    """Composes `conf/<config_name>.yaml`, loads it as `schema`, runs, and exits with what `run` returns.

    `switches` are keys that may be typed as `--key` for `key=true`, `aliases` other spellings of keys (`from`, a word
    of Python's, can be no field). In a multirun every job runs; the exit code is the highest of theirs.
    """
    ConfigStore.instance().store(name=f"{config_name}_schema", node=schema)
    _offer_plugins()
    typed = {f"--{key}": f"{key}=true" for key in switches}
    sys.argv[1:] = [_spelled(argument, aliases or {}) for argument in sys.argv[1:]]
    sys.argv[1:] = [typed.get(argument, argument) for argument in plain_groups(sys.argv[1:])]
    dashed = next((a for a in sys.argv[1:] if a.startswith("--") and a.partition("=")[0] not in _FLAGS), None)
    if dashed is not None:
        key = dashed.lstrip("-")
        sys.exit(_complain(ConfigError(f"{dashed}: keys take no dashes; type {key if '=' in key else f'{key}=VALUE'}")))
    # Hydra then raises instead of printing an error of several lines and exiting with 1.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    codes: list[int] = []

    def job(tree: DictConfig) -> None:
        try:
            codes.append(run(load(tree, schema)))
        except Exception as error:
            if os.environ.get(_TRACEBACKS):
                raise
            codes.append(_complain(error))
            if HydraConfig.get().mode is not RunMode.MULTIRUN:
                sys.exit(codes[-1])

    try:
        hydra.main(config_path=str(conf_dir()), config_name=config_name, **_VERSION_BASE)(job)()
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(_complain(ConfigError(explain(error))))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(max(codes, default=0))


def _offer_plugins() -> None:
    """What other packages bring is chosen as what is ours: tasks=NAME, +model=NAME, sandbox=NAME."""
    store = ConfigStore.instance()
    for name in plugins.names(Group.FAMILIES):
        store.store(group="tasks", name=name, node={"families": [name]})
    for name in plugins.names(Group.POLICIES):
        store.store(group="model", name=name, node={"name": name, "kind": name, "gpus": 0})
    for name in plugins.names(Group.SANDBOXES):
        store.store(group="sandbox", name=name, node={"kind": name})


def plain_groups(arguments: Sequence[str]) -> list[str]:
    """`+model=X` and `model=X` mean the same: the group always has a default to replace."""
    plus = tuple(f"+{group}=" for group in _GROUPS_WITH_DEFAULT)
    return [a[1:] if a.startswith(plus) else a for a in arguments]


def _spelled(argument: str, aliases: Mapping[str, str]) -> str:
    key, equals, value = argument.partition("=")
    return f"{aliases[key]}={value}" if equals and key in aliases else argument


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


def quoted(word: str) -> str:
    """A value that Hydra reads as this very text, whatever is in it; plain paths and packages stay as they are."""
    if re.fullmatch(r"(/|package:)[\w./+-]*", word, re.ASCII):
        return word
    escaped = re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + ("\\'" if end[2] else ""), word)
    return f"'{escaped}'"


def composed(config_name: str, schema: type[ConfigT], overrides: Sequence[str]) -> ConfigT:
    """What another command would be told by these overrides, within one that runs. Raises ConfigError."""
    ConfigStore.instance().store(name=f"{config_name}_schema", node=schema)
    GlobalHydra.instance().clear()
    try:
        with hydra.initialize_config_dir(str(conf_dir()), job_name=config_name, **_VERSION_BASE):
            return load(hydra.compose(config_name, plain_groups(overrides)), schema)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error


def explain(error: Exception) -> str:
    """One line for an error of Hydra's or OmegaConf's: what is wrong, and what to type."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        known = sorted(error.options or ())
        if group and known:
            names = ", ".join(known)
            return f"no {group} called '{name}'{_did_you_mean(name, known)}; type {group}=NAME with one of: {names}"
    cause = _deepest(error)
    unknown = re.match(r"Key '([^']+)' (?:not in|is not in struct)", str(cause))
    if unknown or isinstance(cause, ConfigKeyError):
        return _unknown_key(unknown.group(1) if unknown else str(cause).splitlines()[0], cause)
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read as KEY=VALUE; quote a value that holds one of = , {{ [ : 'KEY=\"VALUE\"'"
        )
    lines = [line.strip() for line in f"{error}\n{cause}".splitlines() if line.strip()] or [type(error).__name__, ""]
    first, detail = lines[0].removeprefix("Error merging override "), lines[1]
    if "ListConfig" in detail:
        key, _, value = first.partition("=")
        return f"{first}: a list is wanted; type {key}=[{value}]"
    return first if detail in ("None", first) else f"{first}: {detail}"


def _deepest(error: BaseException) -> BaseException:
    """The innermost error that Hydra or OmegaConf worded; what lies below speaks of their insides."""
    found, at = error, error.__cause__ or error.__context__
    while at is not None:
        # OmegaConf raises some errors twice: first with `$VALUE` in the text, then with the value.
        worded = isinstance(at, HydraException | OmegaConfBaseException) and "$VALUE" not in str(at)
        found = at if worded else found
        at = at.__cause__ or at.__context__
    return found


def _unknown_key(key: str, cause: BaseException) -> str:
    full = getattr(cause, "full_key", None) or key
    node = getattr(cause, "parent_node", None)
    known = [str(k) for k in node if k != "hydra"] if isinstance(node, DictConfig) else []
    prefix = full.rpartition(".")[0]
    where = (
        f"; keys of {prefix}: {', '.join(known)}"
        if prefix and known
        else f"; keys: {', '.join(known)}"
        if known
        else ""
    )
    return f"no key called '{full}'{_did_you_mean(key, known)}{where}"


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _complain(error: Exception) -> int:
    line = " ".join(str(error).split())
    if not isinstance(error, MedgymError):
        line = f"{type(error).__name__}: {line[:300]} (a defect: {_TRACEBACKS}=1 shows where)"
    print(f"medgym_ray: {line}", file=sys.stderr)  # noqa: T201 - the one place where an error meets the user
    return error.exit_code if isinstance(error, MedgymError) else 1
