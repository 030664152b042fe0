"""The twelve categories, and which of them a record of the original belongs to."""

import re
from typing import Final

_RULES: Final = (
    ("structural_variants", r"data_sv|structural|fusion"),
    ("copy_number", r"data_(log2_)?cna|copy.number|amplification|deep deletion"),
    ("survival_models", r"log-?rank|hazard|\bcox"),
    ("survival_curves", r"kaplan|\bkmf|survival curve"),
    ("mutation_burden", r"\btmb\b|mutation(al)? burden"),
    ("alteration_matrix", r"oncoprint|co-?occur|mutually exclusive|\baltered\b"),
    ("correlation", r"correlat|pearsonr|spearmanr"),
    ("group_comparison", r"mannwhitney|ttest|fisher|chi2|odds ratio|confidence interval|anova|kruskal"),
    ("mutation_frequency", r"data_mut|mutation"),
    ("table_reshaping", r"pivot|\bmerge|crosstab|unstack"),
    ("cohort_selection", r"\b(select|filter|subset|find|get) (the )?(patients|samples|cohort)"),
)
"""The first pattern found in the question decides, then in the reference program and the tests."""

TOPICS: Final = ("descriptive_statistics", *sorted(topic for topic, _ in _RULES))


def topic_of(query: str, reference: str, tests: str) -> str:
    """A record's category, by its wording."""
    for text in (query, f"{reference}\n{tests}"):
        for topic, pattern in _RULES:
            if re.search(pattern, text, re.IGNORECASE):
                return topic
    return "descriptive_statistics"
