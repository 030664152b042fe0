"""Stays in intensive care that never were: whole-number courses of a few measurements, and who the patients are."""

import random
from dataclasses import dataclass
from typing import Any, Final

from medgym_ray.tasks.mimic_extract.questions import HOURS
from medgym_ray.tasks.samples import planted

STATISTICS: Final = ("count", "mean", "std")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement in steps of 1/`per_unit` (exact in half precision): its middle and its spread, in units."""

    name: str
    per_unit: int
    middle: int
    spread: int


MEASURES: Final = (
    Measure("heart rate", 8, 88, 14),
    Measure("mean blood pressure", 16, 76, 9),
    Measure("respiratory rate", 32, 20, 4),
    Measure("oxygen saturation", 16, 95, 2),
    Measure("lactate", 64, 4, 1),
)
GROUPS: Final = {
    "gender": ("F", "M"),
    "Age": ("1.0", "2.0", "3.0", "4.0"),
    "ethnicity": ("A", "B", "C"),
    "first_careunit": ("CCU", "MICU", "SICU"),
}
"""One-hot columns `GROUP_VALUE`; ages are in four groups, from young to old."""


class Cohort:
    """The stays of one part. Level and trend of each measurement are what labels depend on."""

    def __init__(self, rng: random.Random, size: int, first_id: int) -> None:
        self.size = size
        numbers = rng.sample(range(first_id, first_id + 20 * size), 3 * size)
        self.stays = [tuple(sorted(numbers[3 * at : 3 * at + 3])) for at in range(size)]
        self.level = planted.bell(rng, size, len(MEASURES))
        self.trend = planted.bell(rng, size, len(MEASURES))
        self.groups = {group: [rng.choice(values) for _ in range(size)] for group, values in GROUPS.items()}
        self._noise = planted.bell(rng, size, HOURS, len(MEASURES))
        self._chance = planted.bell(rng, size, HOURS, len(MEASURES))

    @property
    def course(self) -> Any:
        """Stay, hour, measurement: how far from its middle each one runs, 256 being its spread."""
        import numpy as np

        time: Any = np.arange(HOURS) - HOURS // 2
        moved = self.trend[:, None, :] * time[None, :, None] * 3 // HOURS
        return self.level[:, None, :] + moved + self._noise // 3

    @property
    def age_group(self) -> Any:
        """0 to 3."""
        import numpy as np

        return np.array([GROUPS["Age"].index(age) for age in self.groups["Age"]])

    def values(self) -> Any:
        """Stay, hour, column: for each measurement how often it was taken in the hour, its mean and deviation.

        An hour without one carries the mean before it.
        """
        import numpy as np

        per_unit = np.array([measure.per_unit for measure in MEASURES])
        middle = np.array([measure.middle for measure in MEASURES]) * per_unit
        spread = np.array([measure.spread for measure in MEASURES]) * per_unit
        steps = np.maximum(middle + self.course * spread // planted.DEVIATION, 1)
        count = (self._chance > -200).astype(int) + (self._chance > 250)
        count[:, 0] = np.maximum(count[:, 0], 1)
        for hour in range(1, HOURS):
            steps[:, hour] = np.where(count[:, hour] > 0, steps[:, hour], steps[:, hour - 1])
        deviation = np.where(count > 1, np.abs(self._noise) * spread // (4 * planted.DEVIATION), 0)
        columns = np.stack([count * per_unit, steps, deviation], axis=3) / per_unit[:, None]
        return columns.reshape(self.size, HOURS, -1).astype(np.float16)

    def static_rows(self) -> list[tuple[int, ...]]:
        """The ids of each stay, and its one-hot columns."""
        return [
            (*stay, *(int(self.groups[group][at] == value) for group, values in GROUPS.items() for value in values))
            for at, stay in enumerate(self.stays)
        ]
