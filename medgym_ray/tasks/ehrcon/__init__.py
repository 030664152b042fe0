"""EHRCon: whether clinical notes agree with the tables of the same admission."""

from medgym_ray.tasks.ehrcon.family import EHRCon

__all__ = ["EHRCon"]
