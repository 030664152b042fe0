"""One line for each error of Hydra's or OmegaConf's: what is wrong, and what to type."""

import difflib
import re
from collections.abc import Sequence

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException


def explain(error: Exception) -> str:
    """One line for an error of Hydra's or OmegaConf's."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        known = sorted(error.options or ())
        if group and known:
            names = ", ".join(known)
            return f"no {group} called '{name}'{did_you_mean(name, known)}; type {group}=NAME with one of: {names}"
    cause = _deepest(error)
    unknown = re.match(r"Key '([^']+)' (?:not in|is not in struct)", str(cause))
    if unknown or isinstance(cause, ConfigKeyError):
        return _unknown_key(unknown.group(1) if unknown else str(cause).splitlines()[0], cause)
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override}: cannot be read as KEY=VALUE; quote a value that holds one of = , {{ [ : 'KEY=\"VALUE\"'"
        )
    if isinstance(cause, ConfigCompositionException) and (line := _of_choices(str(cause))):
        return line
    lines = [line.strip() for line in f"{error}\n{cause}".splitlines() if line.strip()] or [type(error).__name__, ""]
    first, detail = lines[0].removeprefix("Error merging override "), lines[1]
    if "ListConfig" in detail:
        key, _, value = first.partition("=")
        return f"{first}: a list is wanted; type {key}=[{value}]"
    return first if detail in ("None", first) else f"{first}: {detail}"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """In brackets, what is spelt like it; empty where nothing is."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _of_choices(text: str) -> str | None:
    """Hydra's words about a choice (model=NAME) that has to be made, or that a command does not have."""
    if unmade := re.match(r"You must specify '([^']+)'[^\n]*\nAvailable options:\s*(.*)", text, re.DOTALL):
        group, names = unmade[1], ", ".join(unmade[2].split())
        return f"no value for {group}; add {group}=NAME with one of: {names}"
    if foreign := re.match(r"Could not override '([^']+)'\.\s*No match in the defaults list", text):
        return f"no key called '{foreign[1]}' in this command; --help lists its keys"
    return None


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
    return f"no key called '{full}'{did_you_mean(key, known)}{where}"
