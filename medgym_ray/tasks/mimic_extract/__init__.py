"""MIMIC-Extract: mortality, length of stay and interventions from the first day in intensive care."""

from medgym_ray.tasks.mimic_extract.family import MimicExtract

__all__ = ["MimicExtract"]
