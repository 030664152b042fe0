"""Weights from trajectories: recipes over TRL, for what `medgym_ray.export` writes and for episodes that are played."""
