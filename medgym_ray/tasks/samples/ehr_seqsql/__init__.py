"""The ehr_seqsql sample: conversations on the hospital of the mimic_iii sample."""

from medgym_ray.tasks.samples.ehr_seqsql.builder import build

__all__ = ["build"]
