"""N-PowerAI: sample sizes and powers of six statistical tests."""

from medgym_ray.tasks.npowerai.family import NPowerAI

__all__ = ["NPowerAI"]
