"""MedCalcBench: read a patient note, pick the medical calculator's inputs out of it, compute its result."""

from medgym_ray.tasks.medcalcbench.family import MedCalcBench

__all__ = ["MedCalcBench"]
