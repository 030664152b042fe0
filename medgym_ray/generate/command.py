"""The course of one run: what is wanted is checked, then worked on, then told."""

import sys
from pathlib import Path

from rich.console import Console

from medgym_ray import privacy
from medgym_ray.config import GenerateConfig
from medgym_ray.events import RunStarted
from medgym_ray.generate.checks import check_privacy, check_replies
from medgym_ray.generate.driving import work
from medgym_ray.generate.opening import OpenRun, opened, versions
from medgym_ray.generate.outcome import Outcome
from medgym_ray.generate.telling import tell_adaptive, tell_end, tell_loaded
from medgym_ray.identity import run_key
from medgym_ray.leases import LeaseBook
from medgym_ray.policies.endpoint import read_key
from medgym_ray.sampling.goal import Goal
from medgym_ray.store.recovery import tally, worked_s
from medgym_ray.store.run import read_dropped, write_dropped
from medgym_ray.tasks.registry import load_tasks
from medgym_ray.validation import validate


def run(config: GenerateConfig) -> int:
    """One run; returns the exit code. Raises a MedgymError, shown as one line, where it could not be begun or ended."""
    validate(config)
    privacy.check_override(config.privacy)
    for endpoint in config.endpoints().values():
        read_key(endpoint)
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    tasks = load_tasks(config.tasks, config.seed)
    if config.tasks.root is not None:  # executors have working directories of their own
        config.tasks.root = str(Path(config.tasks.root).expanduser().absolute())
    tell_loaded(config, tasks, console)
    check_replies(config, tasks)
    key = run_key(config)
    check_privacy(config, tasks, key[:12])
    with opened(config, key, tasks, console) as open_run:
        open_run.chronicle.note(_started(open_run))
        outcome = _outcome(open_run)
        write_dropped(open_run.root, {**tasks.report.dropped, **outcome.dropped})
        tell_adaptive(open_run, outcome.dropped)
        open_run.chronicle.note(outcome.event())
    counted = tally(open_run.root)
    open_run.write_card(counted)
    tell_end(open_run, counted, outcome)
    return outcome.exit_code


def _started(run: OpenRun) -> RunStarted:
    return RunStarted(
        run_id=run.run_id,
        model=run.config.model.name,
        tasks=len(run.tasks.tasks),
        rollouts=run.config.sampling.rollouts,
        durable=len(run.known),
        versions=versions(),
    )


def _outcome(run: OpenRun) -> Outcome:
    sampling = run.config.sampling
    goal = run.config.goal(worked_s(run.root) if sampling.budget_gpu_s is not None else 0.0)
    if goal is not None or len(run.known) >= len(run.tasks.tasks) * sampling.rollouts:
        outcome = _nothing_to_do(run, goal)
        if outcome is not None:
            return outcome
    return work(run, goal)


def _nothing_to_do(run: OpenRun, goal: Goal | None) -> Outcome | None:
    """How the run ended, where it has."""
    config, tasks = run.config, run.tasks.tasks
    book = LeaseBook(run.key, tasks, config.sampling.rollouts, config.agent.attempts, config.seed, 0.0, run.known, goal)
    if not book.finished():
        return None
    counts = book.counts()
    there = {task.task_id for task in tasks}
    dropped = {task: reason for task, reason in read_dropped(run.root).items() if task in there}
    return Outcome(counts.requested, counts.done, dropped, {}, counts.spared, missing=0, interrupted=False)
