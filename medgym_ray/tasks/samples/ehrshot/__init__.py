"""The sample of EHRSHOT: vectors of patients who never lived, and fifteen tasks with a planted signal."""

from medgym_ray.tasks.samples.ehrshot.builder import build

__all__ = ["build"]
