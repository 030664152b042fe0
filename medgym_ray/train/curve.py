"""What a training has measured, step by step: `metrics.jsonl` while it runs, `loss.svg` at its end."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from transformers import TrainerCallback

_SHOWN = ("loss", "reward", "eval_loss", "rewards/accuracies", "eval_rewards/accuracies", "learning_rate")
"""Of a step's figures, on the terminal."""
_DRAWN = ("loss", "eval_loss", "reward")
Point = Mapping[str, Any]


class MetricsLog(TrainerCallback):
    """Keeps every figure that the trainer logs, a JSON line a step."""

    def __init__(self, file: Path, told: Console) -> None:
        self._file, self._told = file, told

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begins the file with what the checkpoint knows: what came after it is measured again."""
        self._file.write_text("".join(map(_line, state.log_history)), encoding="utf-8")

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **_: Any) -> None:
        """Adds a line."""
        point = {**(logs or {}), "step": state.global_step}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(_line(point))
        shown = [f"{name} {point[name]:.4g}" for name in _SHOWN if isinstance(point.get(name), float)]
        if shown:
            self._told.print(f"step {state.global_step}/{state.max_steps} · {' · '.join(shown)}", markup=False)


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def draw(points: Sequence[Point], file: Path) -> bool:
    """Draws losses, and rewards where there are, over updates. False where Matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure

    series = {name: list(_series(points, name)) for name in _DRAWN}
    drawn = {name: values for name, values in series.items() if values}
    figure = Figure(figsize=(6, 2.5 * max(1, len(drawn))), layout="constrained")
    for place, (name, values) in enumerate(drawn.items(), start=1):
        axes = figure.add_subplot(len(drawn), 1, place)
        axes.plot(*zip(*values, strict=True), marker="." if len(values) < 50 else "")
        axes.set(xlabel="update", ylabel=name)
        axes.grid(alpha=0.3)
    figure.savefig(file, format="svg", metadata={"Date": None})
    return True


def _series(points: Iterable[Point], name: str) -> Iterable[tuple[int, float]]:
    for point in points:
        if isinstance(point.get(name), int | float) and math.isfinite(point[name]):
            yield point["step"], point[name]


def _line(point: Point) -> str:
    # A figure that is no number is no JSON either.
    lost = {key for key, value in point.items() if isinstance(value, float) and not math.isfinite(value)}
    return json.dumps({**point, **dict.fromkeys(lost)}) + "\n"
