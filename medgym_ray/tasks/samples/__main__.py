"""Rebuilds the bundled sample, byte for byte: `python -m medgym_ray.tasks.samples [DIR]`."""

import sys
from pathlib import Path

from medgym_ray.paths import sample_dir
from medgym_ray.tasks.samples import (
    SEED,
    biocoder,
    biodsbench,
    ehr_seqsql,
    ehrcon,
    ehrshot,
    ehrsql,
    medagentbench,
    medcalcbench,
    mimic_extract,
    npowerai,
    treqs,
)

BUILDERS = (
    *(biocoder, biodsbench, ehrsql, ehrcon, ehrshot, medagentbench, medcalcbench, mimic_extract, npowerai, treqs),
    ehr_seqsql,  # asks the database of mimic_iii
)


def build(root: Path) -> None:
    """Writes every family's sample under `root`."""
    for module in BUILDERS:
        module.build(root, SEED)


if __name__ == "__main__":
    build(Path(sys.argv[1]) if len(sys.argv) > 1 else sample_dir())
