"""medgym_ray: true, durable, training-ready trajectories of agents that reason about medicine by writing code."""

__version__ = "0.1.0"
