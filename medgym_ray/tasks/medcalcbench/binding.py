"""A calculator's function together with how its arguments are read from a record's entities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from medgym_ray.tasks.medcalcbench.entities import Argument, Entities, Reader


@dataclass(frozen=True, slots=True)
class Formula:
    """A calculator's function, and by parameter how its argument is read."""

    function: Callable[..., Any]
    readers: Mapping[str, Reader]

    def arguments(self, entities: Entities) -> dict[str, Argument]:
        """Raises EntityError."""
        return {parameter: read(entities) for parameter, read in self.readers.items()}

    def compute(self, entities: Entities) -> Any:
        """Raises EntityError; a value that the formula has no result for may raise ArithmeticError or ValueError."""
        return self.function(**{name: argument.value for name, argument in self.arguments(entities).items()})
