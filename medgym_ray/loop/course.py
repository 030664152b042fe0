"""The course of a loop: imitate, then practise and learn from what succeeded, then from what failed.

    demonstrations ─▶ sft ─▶ round 1: practice ─▶ export ─▶ weights ─▶ round 2 … ─▶ dpo ─▶ verifier
                       each of these weights plays the held-out tasks ─▶ evaluation

Source: the path to Med-Copilot in the paper of MedAgentGym (supervised fine-tuning, preference optimisation, verifier,
self-improvement), with STaR's habit of starting every round from the base (arXiv:2203.14465).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medgym_ray import cli
from medgym_ray.loop.steps import Step, Steps


@dataclass(frozen=True, slots=True)
class Settings:
    """What each command is told beside what the course tells it: lists of KEY=VALUE."""

    generate: Sequence[str]
    """Every run: model, tasks, agent, sampling, sandbox, cluster."""
    demonstrate: Sequence[str]
    practise: Sequence[str]
    hold_out: Sequence[str]
    export: Sequence[str]
    train: Sequence[str]
    sft: Sequence[str]
    dpo: Sequence[str] | None
    """None: there is no such stage."""
    verifier: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Which stages there are."""

    base: str
    """Weights: a directory or `package:NAME`."""
    demonstrations: str | None
    """oracle, the directory of a run, or None: then the base practises at once."""
    rounds: int
    restart: bool
    """Whether each round trains the base anew, on all that was gathered; else the last weights."""
    seed: int


_RECIPES = {"sft": "sft", "dpo_turn": "dpo", "verifier": "verifier"}
"""By the view that each is trained on. dpo_turn and not dpo: no observation carries its loss."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where weights are, and what trajectories call them."""

    version: str
    path: str


class Course:
    """One loop in one directory."""

    def __init__(self, root: Path, plan: Plan, settings: Settings, steps: Steps) -> None:
        self._root, self._plan, self._settings, self._steps = root, plan, settings, steps
        self._entrants: list[tuple[str, Path]] = []
        """Label and run of each of the weights that played the held-out tasks."""

    def run(self) -> Path:
        """All stages; returns the directory of the tables. Raises Interrupted, MedgymError."""
        settings = self._settings
        base = weights = Weights("0", self._plan.base)
        gathered: list[Path] = []
        practised: list[Path] = []
        self._hold_out("base", base)
        if self._plan.demonstrations is not None:
            gathered.append(self._demonstrations(self._plan.demonstrations))
            weights = self._learn("sft", "sft", gathered, base, settings.sft) or weights
        for number in range(1, self._plan.rounds + 1):
            name = f"round-{number}"
            practised.append(self._play(f"{name}/practice", weights, settings.practise, self._plan.seed + number))
            start = base if self._plan.restart else weights
            weights = self._learn(name, "sft", [*gathered, *practised], start, settings.sft) or weights
        if settings.dpo is not None and practised:
            self._learn("dpo", "dpo_turn", practised, weights, settings.dpo)
        scores = [] if settings.verifier is None else self._scores([*gathered, *practised], base, settings.verifier)
        return self._evaluate(scores)

    def _demonstrations(self, source: str) -> Path:
        if source != "oracle":
            return Path(source).expanduser().absolute()
        run = self._root / "demonstrations"
        self._do("demonstrations", "generate", [*self._settings.demonstrate, _at("output.dir", run)], run, resumes=True)
        return run

    def _learn(
        self, name: str, view: str, runs: Sequence[Path], start: Weights, settings: Sequence[str]
    ) -> Weights | None:
        """New weights, which then play the held-out tasks; None where the runs hold nothing to learn from."""
        weights = self._train(name, view, runs, start, settings)
        if weights is not None:
            self._hold_out(name, weights)
        return weights

    def _train(
        self, name: str, view: str, runs: Sequence[Path], start: Weights, settings: Sequence[str]
    ) -> Weights | None:
        data, target = self._root / name / "export", self._root / name / "weights"
        asked = [f"run={_listed(runs)}", f"view={view}", _at("output.dir", data), f"split.seed={self._plan.seed}"]
        if not self._do(f"{name}/export", "export", [*asked, *self._settings.export], data):
            return None
        told = [f"recipe={_RECIPES[view]}", _at("data", data), _at("model.path", start.path), _at("output.dir", target)]
        told += [f"seed={self._plan.seed}", *self._settings.train, *settings]
        self._do(f"{name}/weights", "train", told, target, resumes=True)
        return Weights(name, str(target / "model"))

    def _hold_out(self, name: str, weights: Weights) -> None:
        run = self._play(f"{name}/held-out", weights, self._settings.hold_out, self._plan.seed)
        self._entrants.append((name, run))

    def _play(self, name: str, weights: Weights, settings: Sequence[str], seed: int) -> Path:
        run = self._root / name
        asked = [*self._settings.generate, *settings]
        asked += [_at("model.path", weights.path), f"model.version={weights.version}"]
        self._do(name, "generate", [*asked, f"seed={seed}", _at("output.dir", run)], run, resumes=True)
        return run

    def _scores(self, runs: Sequence[Path], base: Weights, settings: Sequence[str]) -> list[Path]:
        """Of every run of the held-out tasks, by a verifier that has learnt from the practice."""
        weights = self._train("verifier", "verifier", runs, base, settings)
        if weights is None:
            return []
        scores = []
        for label, run in self._entrants:
            file = self._root / "verifier" / f"{label}.parquet"
            asked = [_at("run", run), _at("model.path", weights.path), _at("output.file", file)]
            self._do(f"verifier/{label}", "score", asked, file)
            scores.append(file)
        return scores

    def _evaluate(self, scores: Sequence[Path]) -> Path:
        target = self._root / "evaluation"
        labels = ",".join(label for label, _ in self._entrants)
        asked = [f"run={_listed(run for _, run in self._entrants)}", f"labels=[{labels}]", _at("output.dir", target)]
        self._do("evaluation", "evaluate", [*asked, *([f"verifier={_listed(scores)}"] if scores else [])], target)
        return target

    def _do(self, name: str, command: str, overrides: Sequence[str], made: Path, *, resumes: bool = False) -> bool:
        return self._steps.do(Step(name, command, tuple(overrides), made, resumes))


def _at(key: str, path: Path | str) -> str:
    return f"{key}={cli.quoted(str(path))}"


def _listed(paths: Iterable[Path]) -> str:
    return f"[{','.join(cli.quoted(str(path)) for path in paths)}]"
