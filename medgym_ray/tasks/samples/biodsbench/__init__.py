"""The BioDSBench sample: three invented cancer studies of 60 patients, and analyses of their tables."""

from medgym_ray.tasks.samples.biodsbench.builder import build

__all__ = ["build"]
