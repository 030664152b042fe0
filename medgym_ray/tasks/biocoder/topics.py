"""Eight topics for tasks that carry none.

The paper counts eight categories for BioCoder, but neither its records nor its code name them. So that results can be
split all the same, a task's topic follows from its text alone: every topic has words that speak for it, a word found in
the signature counts three times (the name of a function says more than a remark in a page of description), and the
topic with the most points wins; at equal points the one listed first. Without any hit it is `text_tools`, which is
where the records' string helpers belong.
"""

import re

_SIGNATURE_WEIGHT = 3

_WORDS: dict[str, str] = {
    "sequence_analysis": (
        r"dna|rna|nucleotides?|amino|codons?|k-?mers?|motifs?|complement\w*|primers?|gc|reading frames?|orfs?"
        r"|translat\w+|proteins?|restriction|consensus|bases"
    ),
    "alignment": (
        r"align\w*|cigar|identity|needleman|smith|gaps?|overlaps?|contigs?|mapped|sam|bam|reads?_?(?:count|cover)\w*"
        r"|trees?|newick|phylogen\w*|taxon|upgma|edit distance|distance matrix|clade|worms?"
    ),
    "file_formats": (
        r"files?|filename|file_?path|fasta|fastq|csv|tab-?(?:delimited|separated)|gzip|lines|header|columns?|parse[ds]?"
        r"|gtf|bed|record|dataframe|delimiter|read_\w+|load_\w+|is_fast[aq]_file"
    ),
    "variants_genomics": (
        r"variants?|alleles?|genotypes?|snps?|vcf|chromosom\w*|chrom|copy|copies|ploidy|purity|log2\w*|maf|dosage"
        r"|haplotypes?|segments?|segmented|probes?|baited|lift\w*|assembly|hardy|linkage|gender|tajima\w*|intervals?|exons?"
    ),
    "structure": (
        r"pdb|atoms?|atomname|residues?|resname|hydrogens?|rmsd|kabsch|dihedral|torsion|helix|templates?|loopmodel"
        r"|molecul\w*|coordinates|angstroms?|contact|uniprot|isoelectric"
    ),
    "imaging": (
        r"images?|pixels?|masks?|masked|labels?|labelled|objects?|morpholog\w*|opening|closing|convex|hulls?|outlines?"
        r"|thresholds?|gradient|holes|diameter|intensit\w*|structuring|planewise|skimage|cells"
    ),
    "numerics_statistics": (
        r"statistic\w*|p-?values?|chi-?squared?|median|mean|means|mad|quantiles?|outliers?|variance|standard|deviation"
        r"|weights?|weighted|matrix|matrices|pca|clusters?|adjust\w*|ec50|regression|correlation|entropy|smooth\w*"
        r"|probabilit\w+|arrays?|numpy|logistic|distribution|eigen\w*|simpson|shannon|michaelis|float"
    ),
    "text_tools": (
        r"tex|latex|html|regex|regular expression|texts?|format\w*|sanitiz\w*|requirements?|inline|escap\w*|wrap"
        r"|characters?|versions?|settings?|name"
    ),
}

TOPICS: tuple[str, ...] = tuple(_WORDS)

_PATTERNS = {topic: re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])") for topic, words in _WORDS.items()}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def topic_of(problem: str, signature: str) -> str:
    """The topic that most words of the task speak for."""
    # Signature words count as such and once more as the parts of snake_case and camelCase names.
    names = _CAMEL.sub(" ", signature).lower()
    names = names + " " + names.replace("_", " ")
    text = problem.lower()
    best, most = "text_tools", 0
    for topic, pattern in _PATTERNS.items():
        # Distinct words of the problem, so that a term said ten times does not outweigh all others.
        points = len(set(pattern.findall(text))) + _SIGNATURE_WEIGHT * len(set(pattern.findall(names)))
        if points > most:
            best, most = topic, points
    return best
