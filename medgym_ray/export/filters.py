"""Which trajectories may enter a view, and how many each filter took."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from medgym_ray.errors import ConfigError
from medgym_ray.export.database import ask
from medgym_ray.export.settings import FilterConfig
from medgym_ray.trajectory import OURS

_WHERE = "SELECT * FROM rows WHERE {condition} ORDER BY place"
_FIRST = "SELECT * FROM rows QUALIFY row_number() OVER (PARTITION BY {parts} ORDER BY {order}) <= ? ORDER BY place"
BEST = "reward DESC, num_turns, trajectory_id"
"""The better first. The reward is the true one; a judge's opinion changes nothing."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What it is called to a user, and what it leaves."""

    name: str
    query: str
    value: object = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The trajectories that are left, and how many each filter took, in the order in which they were asked."""

    kept: pa.Table
    taken: dict[str, int]


def select(index: pa.Table, asked: FilterConfig, *, only_successes: bool, token_ids: bool) -> Selection:
    """`only_successes` and `token_ids` say what the view wants. Raises ConfigError for a family that is not there."""
    _check_families(index, asked)
    kept, taken = index, {}
    for each in _filters(asked, only_successes=only_successes, token_ids=token_ids):
        left = ask(each.query, {"rows": kept}, *([] if each.value is None else [each.value])).cast(index.schema)
        taken[each.name] = kept.num_rows - left.num_rows
        kept = left
    return Selection(kept, taken)


def _check_families(index: pa.Table, asked: FilterConfig) -> None:
    known = sorted(set(index["family"].unique().to_pylist()))
    unknown = sorted(set(asked.families) - set(known))
    if unknown:
        raise ConfigError(f"filter.families: no trajectory of '{unknown[0]}' here; of {', '.join(known)}")


def _filters(asked: FilterConfig, *, only_successes: bool, token_ids: bool) -> Iterator[Filter]:
    ours = sorted(end.value for end in OURS)
    yield Filter("failures of ours", _where("NOT list_contains(?, termination)"), ours)
    yield Filter("no reply or no prompt", _where("replies > 0 AND prompt IS NOT NULL"))
    if not asked.restricted:
        yield Filter("filter.restricted=false", _where("NOT restricted"))
    if asked.families:
        yield Filter("filter.families", _where("list_contains(?, family)"), asked.families)
    if asked.terminations:
        yield Filter("filter.terminations", _where("list_contains(?, termination)"), asked.terminations)
    if asked.flags:
        yield Filter("filter.flags", _where("NOT list_has_any(?, flags)"), asked.flags)
    success = ("true" if only_successes else "any") if asked.success == "auto" else asked.success
    if success != "any":
        yield Filter(f"filter.success={success}", _where("success = ?"), success == "true")
    if token_ids:
        yield Filter("no token ids", _where("has_token_ids"))
    if asked.max_tokens is not None:
        yield Filter("filter.max_tokens", _where("tokens <= ?"), asked.max_tokens)
    if asked.dedup:
        yield Filter("filter.dedup", _FIRST.format(parts="task_id, conversation", order="reward DESC, place"), 1)
    if asked.best_of:
        yield Filter(f"filter.best_of={asked.best_of}", _FIRST.format(parts="task_id", order=BEST), asked.best_of)


def _where(condition: str) -> str:
    return _WHERE.format(condition=condition)
