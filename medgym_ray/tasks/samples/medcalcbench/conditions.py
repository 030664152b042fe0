"""What the tables of scores ask of a record's entities."""

from collections.abc import Callable

from medgym_ray.tasks.samples.medcalcbench.routes import E, value_of

Condition = Callable[[E], bool]
Table = tuple[tuple[float, Condition], ...]


def present(*entities: str) -> Condition:
    """At least one of them is present."""
    return lambda e: any(e[entity] is True for entity in entities)


def says(entity: str, *grades: str) -> Condition:
    """One of these grades is stated."""
    return lambda e: e[entity] in grades


def at_least(entity: str, bound: float) -> Condition:
    """The bound is reached."""
    return lambda e: value_of(e, entity) >= bound


def over(entity: str, bound: float) -> Condition:
    """The bound is passed."""
    return lambda e: value_of(e, entity) > bound


def under(entity: str, bound: float) -> Condition:
    """The bound is not reached."""
    return lambda e: value_of(e, entity) < bound


def always(_: E) -> bool:
    """Holds for everyone."""
    return True
