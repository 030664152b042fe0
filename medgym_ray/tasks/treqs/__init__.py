"""TREQS (MIMICSQL): questions on five wide tables of a hospital, answered by their rows."""

from medgym_ray.tasks.treqs.family import Treqs

__all__ = ["Treqs"]
