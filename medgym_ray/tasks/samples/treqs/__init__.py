"""The treqs sample: a synthetic hospital in five wide tables, and questions on it."""

from medgym_ray.tasks.samples.treqs.builder import build

__all__ = ["build"]
