"""The samples of mimic_iii and eicu: a synthetic hospital written in both schemas, and question templates over them."""

from pathlib import Path

from medgym_ray.tasks.samples.ehrsql import eicu, mimic_iii


def build(root: Path, seed: int) -> None:
    """Writes `root/mimic_iii` and `root/eicu`; the same seed writes the same bytes."""
    mimic_iii.build(root, seed)
    eicu.build(root, seed)
