"""The synthetic EHRCon sample: own admissions, tables and notes, half of the entities asked for corrupted."""

from medgym_ray.tasks.samples.ehrcon.builder import build

__all__ = ["build"]
