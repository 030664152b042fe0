"""The medcalcbench sample."""

from medgym_ray.tasks.samples.medcalcbench.builder import build

__all__ = ["build"]
