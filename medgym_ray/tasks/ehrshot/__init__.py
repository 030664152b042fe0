"""EHRSHOT: fifteen predictions from precomputed vectors of patients' records."""

from medgym_ray.tasks.ehrshot.family import EHRShot

__all__ = ["EHRShot"]
