"""medgym_ray: true, durable, training-ready trajectories of agents that reason about medicine by writing code."""

from importlib import import_module

__all__ = ["MedgymEnv", "MedgymHarness", "MedgymTaskset"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """What `verifiers` looks for in the package that the id `medgym-ray` names; nobody else needs it installed."""
    if name in __all__:
        return getattr(import_module("medgym_ray.environment.verifiers"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
