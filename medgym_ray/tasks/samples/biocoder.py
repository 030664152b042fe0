"""The BioCoder sample: programs of our own (`biocoder_functions`) in the original's record layout."""

import ast
import hashlib
import json
import random
import re
import textwrap
from pathlib import Path
from typing import Final

from medgym_ray.tasks.biocoder.splice import MARKER, reseed, splice

_SPLITS: Final = {
    "test": (
        "reverse_complement",
        "gc_skew",
        "longest_orf",
        "fastq_filter",
        "needleman_wunsch",
        "newick_depths",
        "upgma",
        "vcf_frequencies",
        "hardy_weinberg",
        "cigar_blocks",
        "kabsch_rmsd",
        "peptide_mass",
        "assembly_stats",
        "tajimas_d",
        "gtf_attributes",
        "otsu_threshold",
        "cell_sizes",
        "adjusted_p_values",
        "gene_symbols",
        "liftover",
        "minimizers",
        "tandem_repeats",
        "rna_pairs",
        "wiggle_intervals",
        "sample_sheet",
        "feature_location",
        "affine_local",
        "parsimony_score",
        "normalised_variant",
        "linkage_disequilibrium",
        "contact_order",
        "helix_segments",
        "chain_sequences",
        "grey_opening",
        "border_distance",
        "bright_spots",
        "quantile_normalisation",
        "rank_sum_test",
        "size_factors",
        "network_propagation",
        "protein_changes",
        "author_list",
        "accession_numbers",
    ),
    "train": (
        "kmer_spectrum",
        "codon_usage",
        "melting_temperature",
        "edit_alignment",
        "tree_distance",
        "merge_intervals",
        "radius_of_gyration",
        "dihedral_angles",
        "fasta_index",
        "restriction_fragments",
        "motif_scan",
        "translate_ambiguous",
        "diversity_indices",
        "object_outlines",
        "species_names",
        "fixation_index",
        "enrichment_score",
        "filled_holes",
        "short_names",
        "bed_exons",
        "patristic_distances",
        "clustering_coefficients",
    ),
}
_FUNCTIONS: Final = Path(__file__).parent / "biocoder_functions"
_SOLUTION: Final = re.compile(
    r"^(?P<indent> *)# solution\n(?P<code>.*?)\n*^ *# end of solution\n", re.DOTALL | re.MULTILINE
)


def build(root: Path, seed: int) -> None:
    """Writes `<root>/biocoder/{test,train}_tasks.jsonl`; the seed decides on which inputs the programs are run."""
    folder = root / "biocoder"
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    for split, names in _SPLITS.items():
        lines = [json.dumps(_record(name, generator.randrange(10**6)), ensure_ascii=False) + "\n" for name in names]
        (folder / f"{split}_tasks.jsonl").write_text("".join(lines), encoding="utf-8")


def _record(name: str, offset: int) -> dict[str, str]:
    source = (_FUNCTIONS / f"{name}.py").read_text(encoding="utf-8")
    problem = ast.get_docstring(ast.parse(source)) or ""
    # Neither the remark for the linter nor the docstring, which is the problem, is part of the program.
    program = source.split('"""\n', 1)[1].lstrip("\n")
    found = _SOLUTION.search(program)
    if found is None:
        raise ValueError(f"{name}: no solution between its two comment lines")
    solution = textwrap.dedent(found["code"]) + "\n"
    context = program[: found.start()] + found["indent"] + MARKER + "\n" + program[found.end() :]
    context = reseed(context, offset)
    return {
        "idx": hashlib.sha256(name.encode()).hexdigest(),
        "problem": problem,
        "solution": solution,
        "context": context,
        "signature": _signature(solution),
        "code": splice(context, solution),
    }


def _signature(solution: str) -> str:
    function = ast.parse(solution).body[0]
    if not isinstance(function, ast.FunctionDef):
        raise ValueError(f"the solution begins with no function: {solution[:60]}")
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"def {function.name}({ast.unparse(function.args)}){returns}"
