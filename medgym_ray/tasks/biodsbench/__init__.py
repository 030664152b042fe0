"""BioDSBench: analyses of clinical and genomic study tables, judged by tests on the values they leave behind."""

from medgym_ray.tasks.biodsbench.family import BioDSBench

__all__ = ["BioDSBench"]
