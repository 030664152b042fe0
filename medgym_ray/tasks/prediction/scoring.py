"""The true reward of predictions, and beside it the accuracy that the original pays."""

from collections.abc import Mapping, Sequence

from medgym_ray.tasks.base import Score
from medgym_ray.tasks.prediction.problem import Classes, Key, Problem
from medgym_ray.tasks.prediction.submitted import Predictions, read_predictions


def score_file(data: bytes | None, problem: Problem, labels: Mapping[Key, int]) -> Score:
    """Grades a submitted file (None: there is none) by the labels of the rows that were to be predicted."""
    if data is None:
        return Score(0.0, False, "no_predictions", 0.0)
    predictions = read_predictions(data, problem.keys, problem.classes, labels.keys())
    paper = accuracy(predictions, problem.classes, labels)
    if predictions.fault:
        return Score(0.0, False, predictions.fault, paper)
    reached = mean_auroc(
        [predictions.rows[key] for key in labels], [problem.classes.of(value) for value in labels.values()]
    )
    if reached <= 0.5:
        return Score(0.0, False, "no_better_than_chance", paper)
    success = reached >= problem.threshold
    return Score(2 * reached - 1, success, "good_enough" if success else "below_threshold", paper)


def mean_auroc(probabilities: Sequence[Sequence[float]], truth: Sequence[Sequence[bool]]) -> float:
    """The mean over the columns of the area under the ROC curve, ties counting half.

    Columns whose rows are all yes or all no have no such area and do not count.
    """
    areas = [
        _auroc(column, answers)
        for column, answers in zip(zip(*probabilities, strict=True), zip(*truth, strict=True), strict=True)
        if 0 < sum(answers) < len(answers)
    ]
    return sum(areas) / len(areas)


def is_decided(labels: Mapping[Key, int], classes: Classes) -> bool:
    """Whether the labels can tell good predictions from bad ones: one column at least has both answers."""
    return any(0 < sum(answers) < len(answers) for answers in zip(*map(classes.of, labels.values()), strict=True))


def accuracy(predictions: Predictions, classes: Classes, labels: Mapping[Key, int]) -> float:
    """The original's rule: of the rows in the file, however few, the share whose predicted class is right.

    It asked for classes, so the class is what the probabilities say: those from one half on, or the likeliest where
    exactly one applies. Grades count as none or any, as a submission does not tell them apart.
    """
    right = sum(
        key in labels and _decided(row, classes) == classes.of(labels[key]) for key, row in predictions.rows.items()
    )
    total = len(predictions.rows) + predictions.unread
    return right / total if total else 0.0


def _auroc(probabilities: Sequence[float], answers: Sequence[bool]) -> float:
    from scipy.stats import rankdata

    positive = sum(answers)
    negative = len(answers) - positive
    ranks = float(rankdata(probabilities)[list(answers)].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def _decided(row: Sequence[float], classes: Classes) -> tuple[bool, ...]:
    if classes.exclusive:
        likeliest = row.index(max(row))
        return tuple(at == likeliest for at in range(len(row)))
    return tuple(probability >= 0.5 for probability in row)
