"""What an export is asked for, and whether it can be had."""

from dataclasses import dataclass, field
from typing import Any

from medgym_ray.config import MISSING, TargetConfig
from medgym_ray.errors import ConfigError
from medgym_ray.export.views.base import View
from medgym_ray.trajectory import OURS, Termination

_SUCCESS = ("auto", "true", "false", "any")


@dataclass
class FilterConfig:
    """Which trajectories may enter. Failures of ours never do."""

    success: str = "auto"
    """`true`, `false` or `any`; `auto` is `true` for demonstrations (sft, sft_tokens) and `any` for the rest."""
    best_of: int = 0
    """The best so many of each task, by reward, then by fewer turns; 0: all."""
    dedup: bool = True
    """Of one task's conversations with the same messages only the best, and of those the first."""
    flags: list[str] = field(default_factory=list)
    """None with one of these."""
    max_tokens: int | None = None
    """None with more tokens, or whose tokens nobody counted."""
    families: list[str] = field(default_factory=list)
    """Only these; empty: all."""
    terminations: list[str] = field(default_factory=list)
    """Only those that ended so; empty: however they ended."""
    restricted: bool = False
    """Patient-level rows too."""


@dataclass
class SplitConfig:
    """Which tasks are held out."""

    validation: float = 0.1
    """Share of the tasks."""
    seed: int = 0


@dataclass
class PairsConfig:
    """How pairs are made of a prompt's replies."""

    per_prompt: int = 4
    """At most so many of one prompt."""


@dataclass
class ExportConfig:
    """Which runs, and what is made of them."""

    run: Any = MISSING
    """A run's directory, or a list of them."""
    view: str = MISSING
    filter: FilterConfig = field(default_factory=FilterConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)
    output: TargetConfig = field(default_factory=TargetConfig)


def check(config: ExportConfig, view: View) -> None:
    """Raises ConfigError for a value that cannot be meant."""
    asked = config.filter
    asked.success = asked.success.lower()
    if asked.success not in _SUCCESS:
        raise ConfigError(f"filter.success={asked.success}: one of {', '.join(_SUCCESS)}")
    if asked.best_of < 0:
        raise ConfigError(f"filter.best_of={asked.best_of}: 0 (all) or more")
    if view.pairs and (asked.best_of or asked.success in ("true", "false")):
        key = "filter.best_of" if asked.best_of else "filter.success"
        raise ConfigError(f"{key}: view={view.name} sets successes beside failures; leave it out")
    if asked.max_tokens is not None and asked.max_tokens < 1:
        raise ConfigError(f"filter.max_tokens={asked.max_tokens}: 1 or more, or null")
    ends = [end.value for end in Termination if end not in OURS]
    unknown = sorted(set(asked.terminations) - set(ends))
    if unknown:
        raise ConfigError(f"filter.terminations: no '{unknown[0]}'; of {', '.join(ends)}")
    if not 0 <= config.split.validation < 1:
        raise ConfigError(f"split.validation={config.split.validation:g}: a share of the tasks, from 0 to below 1")
    if config.pairs.per_prompt < 1:
        raise ConfigError(f"pairs.per_prompt={config.pairs.per_prompt}: 1 or more")
