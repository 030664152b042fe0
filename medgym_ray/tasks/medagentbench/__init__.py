"""MedAgentBench: questions and orders that are settled with an electronic health record over FHIR."""

from medgym_ray.tasks.medagentbench.family import MedAgentBench

__all__ = ["MedAgentBench"]
