"""The figures of a run: what the page's overview shows, as plain data."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.stats import binomtest

from medgym_ray.events import Event, parsed
from medgym_ray.identity import identity_key
from medgym_ray.store.layout import EVENTS
from medgym_ray.store.lines import read_lines
from medgym_ray.store.run import read_dropped
from medgym_ray.store.stored import StoredRun

_REWARD_BINS = 10
_BUCKETS = 60
"""Of the throughput's time axis, at most."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_EVENTS = 200
_SETTINGS = (
    *("model.path", "model.lora", "agent.format", "agent.max_turns", "agent.debugger", "protocol", "tasks.source"),
    *("tasks.split", "sampling.temperature", "sampling.top_p", "sampling.max_tokens", "sandbox.kind", "seed"),
)


def summarise(stored: StoredRun, catalogue: pa.Table) -> dict[str, Any]:
    """All figures, ready for JSON. Raises StorageError."""
    rows = catalogue.drop_columns(["trajectory_id", "answer"]).to_pandas() if catalogue.num_columns else pd.DataFrame()
    return {
        "run": _run(stored),
        "totals": _totals(rows),
        "families": _families(rows),
        "rewards": _rewards(rows),
        "turns": _turns(rows),
        "throughput": throughput(rows),
        "terminations": _counts(rows, "termination"),
        "reasons": _counts(rows, "score_reason"),
        "flags": [[name, n] for name, n in Counter(f for flags in rows.get("flags", ()) for f in flags).most_common()],
        "failures": _failures(stored),
        "dropped": len(read_dropped(stored.root)),
        "events": _events(stored),
    }


def _run(stored: StoredRun) -> dict[str, Any]:
    identity = stored.identity
    return {
        "name": stored.name.rstrip("/").rpartition("/")[2],
        "model": str(identity.get("model.name", "")),
        "key": identity_key(identity)[:12],
        "settings": [[key, str(identity[key])] for key in _SETTINGS if identity.get(key) is not None],
        "versions": [[str(name), str(version)] for name, version in stored.versions.items()],
    }


def _rate(successes: int, n: int) -> dict[str, Any]:
    """With Wilson's interval at 95 %, which takes trajectories as independent."""
    if not n:
        return {"n": 0, "successes": 0, "rate": None, "low": None, "high": None}
    interval = binomtest(successes, n).proportion_ci(method="wilson")
    low, high = round(float(interval.low), 5), round(float(interval.high), 5)
    return {"n": n, "successes": successes, "rate": successes / n, "low": low, "high": high}


def _totals(rows: pd.DataFrame) -> dict[str, Any]:
    if rows.empty:
        return {**_rate(0, 0), "tasks": 0, "restricted": 0}
    return {
        **_rate(int(rows.success.sum()), len(rows)),
        "reward": float(rows.reward.mean()),
        "tasks": int(rows.task_id.nunique()),
        "restricted": int(rows.restricted.sum()),
        "turns": int(rows.num_turns.sum()),
        "generated_tokens": int(rows.completion_tokens.sum()),
        "prompt_tokens": int(rows.prompt_tokens.sum()),
        "cached_tokens": int(rows.cached_tokens.sum()),
        "debugger_tokens": int(rows.debug_completion_tokens.sum()),
        "cost_usd": float(rows.cost_usd.sum()),
        "started": rows.started_at.min().isoformat(),
        "finished": rows.finished_at.max().isoformat(),
    }


def _families(rows: pd.DataFrame) -> list[dict[str, Any]]:
    if rows.empty:
        return []
    return [
        {**_group(str(family), of), "categories": [_group(str(c), part) for c, part in of.groupby("category")]}
        for family, of in rows.groupby("family")
    ]


def _group(name: str, rows: pd.DataFrame) -> dict[str, Any]:
    counted = _rate(int(rows.success.sum()), len(rows))
    means = {"reward": float(rows.reward.mean()), "turns": float(rows.num_turns.mean())}
    return {"name": name, **counted, **means, "restricted": int(rows.restricted.sum())}


def _rewards(rows: pd.DataFrame) -> list[list[float]]:
    """[from, to, trajectories]; the last bin holds its upper end."""
    if rows.empty:
        return []
    rewards = rows.reward.to_numpy()
    low, high = min(0.0, float(rewards.min())), max(1.0, float(rewards.max()))
    counts, edges = np.histogram(rewards, bins=_REWARD_BINS, range=(low, high))
    return [[round(float(a), 4), round(float(b), 4), int(n)] for a, b, n in zip(edges, edges[1:], counts, strict=False)]


def _turns(rows: pd.DataFrame) -> list[list[int]]:
    """[turns, trajectories, successes among them], without gaps."""
    if rows.empty:
        return []
    by_turns = rows.groupby("num_turns").success.agg(["size", "sum"])
    every = by_turns.reindex(range(int(by_turns.index.min()), int(by_turns.index.max()) + 1), fill_value=0)
    return [[int(turns), int(n), int(won)] for turns, n, won in every.itertuples()]


def throughput(rows: pd.DataFrame) -> dict[str, Any]:
    """Trajectories that were finished, and how many were being played on average, in steps of `step_s`."""
    if rows.empty:
        return {"step_s": 1, "start": None, "finished": [], "active": []}
    start = rows.started_at.min()
    begun = (rows.started_at - start).dt.total_seconds().to_numpy()
    ended = (rows.finished_at - start).dt.total_seconds().to_numpy()
    span = max(float(ended.max()), 1e-3)
    step = next((s for s in _STEPS_S if span / s <= _BUCKETS), int(np.ceil(span / _BUCKETS / 86400)) * 86400)
    edges: np.ndarray = np.arange(0, span + step, step, dtype=float)
    finished, _ = np.histogram(ended, bins=edges)
    return {
        "step_s": step,
        "start": start.isoformat(),
        "finished": finished.tolist(),
        "active": [round(a, 2) for a in np.diff(_played(edges, ended) - _played(edges, begun)) / -step],
    }


def _played(at: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Σ max(0, at - moment): its difference for beginnings and ends is the time that was played until `at`."""
    ordered = np.sort(moments)
    before = np.concatenate([[0.0], np.cumsum(ordered)])
    n = np.searchsorted(ordered, at)
    total: np.ndarray = n * at - before[n]
    return total


def _counts(rows: pd.DataFrame, column: str) -> list[list[Any]]:
    return [] if rows.empty else [[str(name), int(n)] for name, n in rows[column].value_counts().items()]


def _failures(stored: StoredRun) -> list[list[Any]]:
    """[class, attempts that failed, rollouts that were given up]"""
    attempts: Counter[str] = Counter()
    final: Counter[str] = Counter()
    for batch in stored.failures():
        attempts.update(batch.column("error_class").to_pylist())
        final.update(batch.filter(batch.column("final")).column("error_class").to_pylist())
    return [[name, n, final[name]] for name, n in attempts.most_common()]


def _events(stored: StoredRun) -> list[dict[str, str]]:
    """What happened, in short; lines that are no events of ours are passed over."""
    return [
        {"at": event.at.isoformat(), "event": event.event, "text": _told(event)}
        for event in parsed(read_lines(stored.root, EVENTS))
        if event.event not in ("task_dropped", "rollout_failed")  # one of each per task: counted elsewhere
    ][:_MOST_EVENTS]


def _told(event: Event) -> str:
    fields: Mapping[str, Any] = event.model_dump(mode="json", exclude={"at", "event", "versions", "run_id"})
    told = {name: value for name, value in fields.items() if value not in (None, 0, 0.0, "")}
    return ", ".join(name if value is True else f"{name} {value}" for name, value in told.items())
