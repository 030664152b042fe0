"""EHR-SeqSQL: conversations about the records of MIMIC-III, each question building on those before it."""

from medgym_ray.tasks.ehr_seqsql.family import EHRSeqSQL

__all__ = ["EHRSeqSQL"]
