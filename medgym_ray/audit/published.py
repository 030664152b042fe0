"""What the original's own scorers pay on its own records: for comparison only, no bound is taken from it."""

from dataclasses import dataclass

LABEL = "original’s scorers on its own test records, in % (measured; not part of this run)"


@dataclass(frozen=True, slots=True)
class Published:
    """Shares of tasks in per cent; None where it was not measured."""

    tasks: int | None
    empty: float
    crash: float
    print_0: float
    print_1: float | None
    best_cheat: float
    cheat: str
    gold: str
    """As an honest agent would state it; for biocoder it depends on the versions installed."""


PUBLISHED: dict[str, Published] = {
    "biocoder": Published(157, 8.3, 0, 0, 0, 9.6, "a stub that returns its first argument", "24 to 72"),
    "biodsbench": Published(49, 100, 0, 100, 100, 100, "pass", "100"),
    "ehr_seqsql": Published(None, 100, 100, 100, 100, 100, "anything", "100"),
    "ehrcon": Published(976, 0, 0, 0, 0, 100, "True, then False in the next turn", "100"),
    "ehrshot": Published(15, 0, 0, 0, None, 100, "one right row, or the visible labels of the test set", "100"),
    "eicu": Published(611, 0, 41.6, 22.6, 12.3, 100, "every gold answer at once", "100"),
    "medagentbench": Published(60, 0, 0, 0, 0, 78.3, "a soup of keywords", "63.3"),
    "medcalcbench": Published(1047, 0, 0, 94.3, 94.3, 94.3, "any number from 0 up", "88.1"),
    "mimic_extract": Published(6, 0, 0, 0, None, 100, "one row at the hidden path", "0"),
    "mimic_iii": Published(581, 0, 38.0, 14.5, 15.8, 100, "every gold answer at once", "100"),
    "npowerai": Published(343, 0, 0, 0, 16.3, 100, "a look into the task file", "100"),
    "treqs": Published(996, 0, 20.2, 6.0, 2.5, 99.6, "every gold answer at once", "100"),
}
"""By the name of the family."""
