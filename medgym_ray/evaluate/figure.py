"""An evaluation as a figure: success by family with its intervals, runs side by side, and pass@k.

matplotlib is imported here alone, and only where a figure is drawn.
"""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medgym_ray.evaluate.estimates import ALL, BEST, PASS, SUCCESS, Figures
from medgym_ray.evaluate.tables import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INSTALL = "pip install 'medgym-ray[evaluate]'"
SVG, PNG = "evaluation.svg", "evaluation.png"
_STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",  # which matplotlib brings
    "font.size": 9.0,
    "svg.fonttype": "path",
    "svg.hashsalt": "medgym_ray",  # ids that do not change from one drawing to the next
    "text.parse_math": False,  # names come from others
}
_ROW_INCHES = 0.16
_SPREAD = 0.6
"""Of a family's row, over which its runs are spread."""


def available() -> bool:
    """Whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(evaluation: Evaluation, folder: Path) -> None:
    """Writes the figure as SVG, the same bytes for the same figures, and as PNG. Raises OSError."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    families = [ALL, *reversed(evaluation.figures.families())]
    with mpl.rc_context({**mpl.rcParamsDefault, **_STYLE}):
        rows = len(families) * (1 + len(evaluation.labels))
        figure = Figure(figsize=(11, max(3.6, 1.2 + _ROW_INCHES * rows)), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_success(left, evaluation, families)
        _draw_at_k(right, evaluation.figures, evaluation.labels)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False)
        figure.savefig(folder / SVG, metadata={"Date": None})
        figure.savefig(folder / PNG, dpi=150)


def _draw_success(axes: "Axes", evaluation: Evaluation, families: list[str]) -> None:
    runs = len(evaluation.labels)
    offsets = _SPREAD * (np.arange(runs)[::-1] - (runs - 1) / 2) / runs
    for label, offset, colour in zip(evaluation.labels, offsets, _colours(runs), strict=True):
        found = [(place, evaluation.figures.get(label, name, SUCCESS)) for place, name in enumerate(families)]
        there = [(place + offset, e) for place, e in found if e is not None]
        values = np.array([e.value for _, e in there])
        ends = np.array([[e.low, e.high] for _, e in there], dtype=float).T
        below, above = np.maximum(values - ends[0], 0), np.maximum(ends[1] - values, 0)
        places = [place for place, _ in there]
        axes.errorbar(values, places, xerr=[below, above], fmt="o", ms=4, capsize=2, color=colour, label=label)
    axes.axhline(0.5, color="0.7", linewidth=0.8)
    axes.set_yticks(range(len(families)), ["all tasks" if name == ALL else name for name in families])
    axes.set_ylim(-0.5, len(families) - 0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel(f"success, with {evaluation.resampling.confidence:.0%} intervals over tasks")


def _draw_at_k(axes: "Axes", figures: Figures, labels: list[str]) -> None:
    ks = figures.ks(PASS)
    for label, colour in zip(labels, _colours(len(labels)), strict=True):
        for metric, style in ((PASS, "-"), (BEST, "--")):
            found = [e for k in ks if (e := figures.get(label, ALL, metric, k)) is not None]
            known = [e.k for e in found]
            marker = "o" if metric == PASS else "s"
            axes.plot(known, [e.value for e in found], style, marker=marker, ms=3, color=colour)
            ends = np.array([[e.low, e.high] for e in found], dtype=float).reshape(-1, 2)
            if len(known) == 1:  # a band of no width is not seen
                axes.vlines(known, ends[:, 0], ends[:, 1], color=colour, linestyle=style)
            axes.fill_between(known, ends[:, 0], ends[:, 1], color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log", base=2)
    shown = [k for k in ks if k & (k - 1) == 0]
    axes.set_xticks(shown, [str(k) for k in shown])
    axes.minorticks_off()
    axes.set_ylim(-0.02, 1.02)
    axes.grid(color="0.9")
    axes.set_xlabel("k rollouts of a task")
    axes.set_ylabel("pass@k" + ("; dashed: best@k" if figures.ks(BEST) else ""))


def _colours(number: int) -> list[str]:
    """matplotlib's own, over and over."""
    return [f"C{place % 10}" for place in range(number)]
