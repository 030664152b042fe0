"""BioCoder: write one function of a bioinformatics program whose rest is given."""

from medgym_ray.tasks.biocoder.family import BioCoder

__all__ = ["BioCoder"]
