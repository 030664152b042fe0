"""The sample of MIMIC-Extract: stays that never were, and six tasks with a planted signal."""

from medgym_ray.tasks.samples.mimic_extract.builder import build

__all__ = ["build"]
