"""Runs → benchmark tables: `python -m medgym_ray.evaluate run=[DIR,…] output.dir=DIR [labels=[NAME,…]] …`.

Exit code 0: the tables are there; 2: a command or a run that cannot be used.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

import medgym_ray
from medgym_ray import cli
from medgym_ray.config import MISSING, TargetConfig
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.evaluate import figure
from medgym_ray.evaluate.comparability import notes
from medgym_ray.evaluate.entrants import read_entrants
from medgym_ray.evaluate.estimates import ALL, SUCCESS, Figures, estimate_difference, estimate_run
from medgym_ray.evaluate.intervals import Resampling
from medgym_ray.evaluate.reference import read_reference
from medgym_ray.evaluate.tables import Evaluation, estimates_table, markdown, per_task_table, terminal
from medgym_ray.evaluate.verifier import read_scores
from medgym_ray.store.atomic import whole_directory, write_text
from medgym_ray.store.stored import new_directory, open_runs

REPORT, ESTIMATES, PER_TASK = "evaluation.md", "evaluation.parquet", "per_task.parquet"


@dataclass
class BootstrapConfig:
    """How intervals over tasks are made."""

    resamples: int = 2000
    confidence: float = 0.95
    seed: int = 0


@dataclass
class EvaluateConfig:
    """Which runs, and what stands beside them."""

    run: Any = MISSING
    """A directory or s3://BUCKET/PREFIX, or a list of them; the first is the one that the others are compared with."""
    labels: list[str] = field(default_factory=list)
    """One for each run; empty: the models' names."""
    verifier: Any = None
    """Parquet or JSON lines of trajectory_id and score, for best@k; or a list of such files."""
    reference: str | None = None
    """CSV of family, model, value, source: published success rates."""
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    output: TargetConfig = field(default_factory=TargetConfig)


def run(config: EvaluateConfig) -> int:
    """Evaluates; returns the exit code. Raises ConfigError where something given cannot be used, StorageError."""
    resampling = _resampling(config.bootstrap)
    stored, target = open_runs(config.run), new_directory(config.output.dir)
    published = read_reference(config.reference) if config.reference is not None else []
    scores = read_scores(_names(config.verifier)) if config.verifier else None
    entrants = read_entrants(stored, config.labels, scores)
    estimates = [estimate for entrant in entrants for estimate in estimate_run(entrant, resampling)]
    for entrant in entrants[1:]:
        estimates += estimate_difference(entrant, entrants[0], resampling)
    evaluation = Evaluation(
        entrants, Figures(estimates), published, notes(entrants), resampling, medgym_ray.__version__
    )
    told = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    _write(evaluation, target, told)
    _tell(evaluation, target, told)
    return 0


def _names(asked: Any) -> list[str]:
    return [str(name) for name in asked] if isinstance(asked, list) else [str(asked)]


def _resampling(config: BootstrapConfig) -> Resampling:
    if config.resamples < 100:
        raise ConfigError(f"bootstrap.resamples={config.resamples}: too few for an interval; give 100 or more")
    if not 0.5 <= config.confidence < 1:
        raise ConfigError(f"bootstrap.confidence={config.confidence}: give a share from 0.5 to below 1, as 0.95")
    if config.seed < 0:
        raise ConfigError(f"bootstrap.seed={config.seed}: give 0 or more")
    return Resampling(config.resamples, config.confidence, config.seed)


def _write(evaluation: Evaluation, target: Path, told: Console) -> None:
    """All files or none."""
    try:
        with whole_directory(target) as draft:
            write_text(draft / REPORT, markdown(evaluation))
            for name, table in ((ESTIMATES, estimates_table(evaluation)), (PER_TASK, per_task_table(evaluation))):
                pq.write_table(table, draft / name, compression="zstd")
            if figure.available():
                figure.draw(evaluation, draft)
            else:
                told.print(f"no figure, for matplotlib is not installed: {figure.INSTALL}", markup=False)
    except pa.ArrowException as error:
        raise StorageError(f"{target}: {error}") from error


def _tell(evaluation: Evaluation, target: Path, told: Console) -> None:
    Console().print(terminal(evaluation))
    for note in evaluation.notes:
        told.print(note, markup=False)
    successes = [
        f"{label} {estimate.value:.1%} of {estimate.n_tasks} tasks"
        for label in evaluation.labels
        if (estimate := evaluation.figures.get(label, ALL, SUCCESS)) is not None
    ]
    print(f"{target}: success {'; '.join(successes)}. Read {target / REPORT}")  # noqa: T201 - the result of the command


def main() -> None:
    """The command."""
    cli.main("evaluate", EvaluateConfig, run)


if __name__ == "__main__":
    main()
