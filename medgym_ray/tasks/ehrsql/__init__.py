"""EHRSQL: questions of hospital staff about the records of MIMIC-III and eICU, whose gold is a SQL query."""

from medgym_ray.tasks.ehrsql.family import EICU, MimicIII

__all__ = ["EICU", "MimicIII"]
