"""What a run's own record says of the time and space that its episodes took."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.actions import ActionKind
from medgym_ray.config import SimulationConfig
from medgym_ray.errors import ConfigError
from medgym_ray.planning.workload import EpisodeShape, TurnShape
from medgym_ray.store.layout import CARD, RUN_FILE, TRAJECTORIES
from medgym_ray.store.run import read_run_file
from medgym_ray.store.shards import ManifestEntry, read_manifest

_CHARACTERS_PER_TOKEN = 3.9
"""Where no policy counted its tokens: as SmolLM2 reads the bundled sample."""
_ROWS = 20_000
"""Trajectories that are read; a large run need not be read to its end."""
_START_MOST_S = 3600.0
_END_MOST_S = 600.0
"""Times read off files: what is longer was not the run, but a copy of it or a later resumption."""
_WITHOUT_ENGINE = ("oracle", "replay")
_COLUMNS = ("messages", "turns", "generate_ms", "execute_ms", "queue_ms", "wall_ms", "started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """Figures of one run; None where its record does not tell."""

    name: str
    model: str
    kind: str
    simulation: Mapping[str, Any]
    """Of the run's configuration; empty where it is from before there was one."""
    shapes: Sequence[EpisodeShape]
    reply_lengths: Sequence[int]
    """Of all replies whose tokens were counted."""
    bytes: float
    """Of one trajectory in Parquet."""
    start_s: float | None
    """From run.yaml to the first episode."""
    end_s: float | None
    """From the last episode to the card."""
    cell_cpu_s: float | None
    """Of one execution."""
    trajectory_cpu_s: float | None
    """Of the rest of an episode."""
    token_ms: float | None
    """Of one generated token of one sequence, its prefill included and its waiting not."""
    at_once: float
    """Sequences in a replica, as a sequence finds them in the mean."""

    def as_fast(self, engine: SimulationConfig) -> SimulationConfig:
        """The engine, slowed or sped up to what a token took in this run.

        A step lasts `step_ms` + sequences × (`sequence_ms` + what a sequence's share of all prefills takes): each token
        that is generated brings some of a prompt with it.
        """
        if self.token_ms is None:
            return engine
        fresh = sum(shape.prompt + sum(turn.observation for turn in shape.turns[:-1]) for shape in self.shapes)
        prefill_ms = 1000 * fresh / sum(self.reply_lengths) / engine.prefill_tokens_s
        factor = self.token_ms / (engine.step_ms + max(1.0, self.at_once) * (engine.sequence_ms + prefill_ms))
        return replace(
            engine,
            step_ms=engine.step_ms * factor,
            sequence_ms=engine.sequence_ms * factor,
            prefill_tokens_s=engine.prefill_tokens_s / factor,
        )

    @staticmethod
    def read(name: str, cpus: float = 1.0) -> "RecordedRun":
        """`cpus` are those the run had: no episode can have had more. Raises ConfigError where no run is there."""
        root = Path(name).expanduser()
        config = read_run_file(root)["config"]
        entries = [entry for entry in read_manifest(root) if entry.table == TRAJECTORIES.name]
        rows = list(_rows(root, entries))
        if not rows:
            raise ConfigError(f"{name}: no trajectories are there yet; plan from a run that has some")
        try:
            return _read(name, root, config, entries, rows, cpus)
        except (KeyError, TypeError) as error:
            raise ConfigError(f"{root / RUN_FILE}: not the configuration of a run ({error})") from error


def _rows(root: Path, entries: Sequence[ManifestEntry]) -> Iterator[Mapping[str, Any]]:
    count = 0
    for entry in entries:
        try:
            table = pq.read_table(root / entry.shard, columns=list(_COLUMNS))
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"{root / entry.shard}: {error}") from error
        for row in table.to_pylist():
            if count == _ROWS:
                return
            count += 1
            yield row


def _read(
    name: str,
    root: Path,
    config: Mapping[str, Any],
    entries: Sequence[ManifestEntry],
    rows: Sequence[Mapping[str, Any]],
    cpus: float,
) -> RecordedRun:
    model = config["model"]
    replicas, engines = max(1, int(model["replicas"])), model["kind"] not in _WITHOUT_ENGINE
    first, last = min(row["started_at"] for row in rows), max(row["finished_at"] for row in rows)
    wall_s = max(1e-3, (last - first).total_seconds())
    shapes = [_shape(row) for row in rows]
    executions = sum(turn.executed for shape in shapes for turn in shape.turns)
    tokens = [turn["completion_tokens"] for row in rows for turn in row["turns"] if turn["completion_tokens"]]
    generate_s = sum(row["generate_ms"] for row in rows) / 1000
    engine_s = generate_s - sum(row["queue_ms"] for row in rows) / 1000
    played_s = sum(row["wall_ms"] for row in rows) / 1000
    in_cells_s, beside_s = _cpu_s(rows, generate_s, wall_s * cpus)
    shared = model["kind"] == "vllm" and not model["gpus"]  # the engine is on the same cores
    waited = engines and _at_once(rows) > int(model["max_in_flight"]) * replicas
    return RecordedRun(
        name=name,
        model=str(model["name"]),
        kind=str(model["kind"]),
        simulation=model.get("simulation", {}),
        shapes=shapes,
        reply_lengths=tokens,
        bytes=sum(entry.bytes for entry in entries) / sum(entry.rows for entry in entries),
        start_s=_before(root / RUN_FILE, first),
        end_s=_after(root / CARD, last),
        cell_cpu_s=in_cells_s / executions if executions and not shared else None,
        # Episodes that wait for an engine to have room do so outside of it: that is no work of anybody's.
        trajectory_cpu_s=None if waited or shared else beside_s / len(rows),
        token_ms=engine_s * 1000 / sum(tokens) if tokens else None,
        at_once=_company(rows) * engine_s / played_s / replicas if played_s else 0.0,
    )


def _cpu_s(rows: Sequence[Mapping[str, Any]], generate_s: float, had_s: float) -> tuple[float, float]:
    """CPU seconds of all episodes: in cells, and in everything else but the engine.

    No more than the time it took, and no more than the machine had. Where a run was bound by its cores, they were busy
    throughout and the latter is the truth; where it was not, hardly anybody waited for one, and the former is.
    """
    execute_s = sum(row["execute_ms"] for row in rows) / 1000
    took_s = sum(row["wall_ms"] for row in rows) / 1000 - generate_s + _between_episodes_s(rows)
    if took_s <= 0:
        return 0.0, 0.0
    cpu_s = min(took_s, had_s)
    in_cells = min(1.0, execute_s / took_s)
    return cpu_s * in_cells, cpu_s * (1 - in_cells)


def _at_once(rows: Sequence[Mapping[str, Any]]) -> int:
    """The most episodes that were under way at one moment."""
    return max(playing for _, playing in _course(rows))


def _company(rows: Sequence[Mapping[str, Any]]) -> float:
    """How many episodes, itself included, an episode has beside it in the mean."""
    course = _course(rows)
    lasting = [(playing, end - start) for (start, playing), (end, _) in itertools.pairwise(course)]
    all_s = sum(playing * seconds for playing, seconds in lasting)
    return sum(playing**2 * seconds for playing, seconds in lasting) / all_s if all_s else 1.0


def _course(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, int]]:
    """(moment, episodes under way from then on)"""
    changes = [(row["started_at"].timestamp(), 1) for row in rows]
    changes = sorted(changes + [(row["finished_at"].timestamp(), -1) for row in rows])
    playing = itertools.accumulate(change for _, change in changes)
    return [(at, number) for (at, _), number in zip(changes, playing, strict=True)]


def _between_episodes_s(rows: Sequence[Mapping[str, Any]]) -> float:
    """What all sandboxes together waited for an acknowledgement, a reset and a lease.

    Seen while the run was full: from when as many episodes had begun as ever were under way at once, to the last
    beginning.
    """
    spans: list[tuple[float, float]] = [(row["started_at"].timestamp(), row["finished_at"].timestamp()) for row in rows]
    begun, most = sorted(start for start, _ in spans), _at_once(rows)
    if len(begun) <= 2 * most:
        return 0.0
    full, last = begun[most - 1], begun[-1]
    played_s: float = sum(max(0.0, min(last, end) - max(full, start)) for start, end in spans)
    idle_s = max(0.0, most * (last - full) - played_s)
    return idle_s / (len(begun) - most) * len(begun)


def _before(path: Path, moment: datetime) -> float | None:
    """Seconds from a file's last change to a moment."""
    seconds = moment.timestamp() - path.stat().st_mtime
    return seconds if 0 <= seconds <= _START_MOST_S else None


def _after(path: Path, moment: datetime) -> float | None:
    """Seconds from a moment to a file's last change."""
    seconds = path.stat().st_mtime - moment.timestamp() if path.is_file() else -1.0
    return seconds if 0 <= seconds <= _END_MOST_S else None


def _shape(row: Mapping[str, Any]) -> EpisodeShape:
    turns = row["turns"]
    opening = 0
    for message in row["messages"]:
        if message["role"] == "assistant":
            break
        opening += len(message["content"])
    prompt = turns[0]["prompt_tokens"] if turns else None
    return EpisodeShape(
        prompt=prompt or max(1, round(opening / _CHARACTERS_PER_TOKEN)),
        turns=tuple(_turn(turn, following) for turn, following in zip(turns, [*turns[1:], None], strict=True)),
    )


def _turn(turn: Mapping[str, Any], following: Mapping[str, Any] | None) -> TurnShape:
    reply = turn["completion_tokens"]
    observation = round(len(turn["observation"] or "") / _CHARACTERS_PER_TOKEN)
    if reply is not None and turn["prompt_tokens"] is not None and following and following["prompt_tokens"] is not None:
        observation = max(0, following["prompt_tokens"] - turn["prompt_tokens"] - reply)
    executed = turn["status"] is not None and turn["action"] != ActionKind.REQUEST_INFO.value
    return TurnShape(reply or None, observation, executed)
