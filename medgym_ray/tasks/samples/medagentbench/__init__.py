"""The MedAgentBench sample: a hundred synthetic patients on a FHIR server of our own, and tasks about them."""

from medgym_ray.tasks.samples.medagentbench.builder import build

__all__ = ["build"]
