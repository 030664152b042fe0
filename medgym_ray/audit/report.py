"""What an audit found, as tables for a terminal, as Markdown and as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from medgym_ray.audit.bounds import Violation
from medgym_ray.audit.cases import CaseKind
from medgym_ray.audit.constants import Constant
from medgym_ray.audit.published import LABEL, PUBLISHED
from medgym_ray.audit.runner import FamilyRuns, Run
from medgym_ray.errors import ConfigError
from medgym_ray.store.atomic import write_text

MARKDOWN, JSON = "audit.md", "audit.json"
_PAID_SHOWN = 5


@dataclass(slots=True)
class CaseRow:
    """What one case earned over a family's tasks. `paper`: by the original's rule, as rebuilt here."""

    kind: str
    name: str
    example: str
    runs: int
    accepted: int
    reward: float
    paper: float | None
    paid_for: list[str]


@dataclass(slots=True)
class FamilyReport:
    """One family's part."""

    name: str
    restricted: bool
    scorer_version: str
    tasks: int
    dropped: dict[str, str]
    cases: list[CaseRow]
    constant: Constant | None
    violations: list[Violation] = field(default_factory=list)

    def rows(self, kind: CaseKind) -> list[CaseRow]:
        """The cases of one kind."""
        return [row for row in self.cases if row.kind == kind]


def family_report(found: FamilyRuns, constant: Constant | None, broken: Sequence[Violation]) -> FamilyReport:
    """Sums up a family's runs by case."""
    by_case: dict[tuple[str, str], list[Run]] = {}
    for run in found.runs:
        by_case.setdefault((run.case, run.name), []).append(run)
    place = {kind: number for number, kind in enumerate(CaseKind)}
    cases = [_row(runs) for runs in by_case.values()]
    return FamilyReport(
        name=found.family.name,
        restricted=found.family.restricted,
        scorer_version=found.family.scorer_version,
        tasks=len(found.tasks),
        dropped=found.dropped,
        cases=sorted(cases, key=lambda row: place[CaseKind(row.kind)]),
        constant=constant,
        violations=list(broken),
    )


def _row(runs: Sequence[Run]) -> CaseRow:
    papers = [run.paper for run in runs if run.paper is not None]
    return CaseRow(
        kind=runs[0].case.value,
        name=runs[0].name,
        example=runs[0].example,
        runs=len(runs),
        accepted=sum(run.success for run in runs),
        reward=sum(run.reward for run in runs) / len(runs),
        paper=sum(papers) / len(papers) if papers else None,
        paid_for=[run.task_id for run in runs if run.reward > 0] if runs[0].case in _MUST_EARN_NOTHING else [],
    )


_ORIGINAL = ("original: cheat", "original: gold")
_MUST_EARN_NOTHING = (CaseKind.NEAR_MISS, CaseKind.CHEAT)
_SUMMARY = ("family", "tasks", "oracle", "honest", "near misses", "best cheat", "best constant", "broken", *_ORIGINAL)
_PUBLISHED = ("family", "tasks", "empty", "crash", "print(0)", "print(1)", "best cheat", "which", "gold")
_CASES = ("case", "e.g.", "runs", "accepted", "mean reward", "original's rule", "paid for")


def summary_rows(families: Iterable[FamilyReport]) -> list[list[str]]:
    """One line a family: shares of runs accepted; of cheats and constants, the mean reward of the best.

    Beside it, what the original's own scorers pay for the best cheat and accept of gold.
    """
    return [
        [
            family.name,
            str(family.tasks),
            _accepted(family.rows(CaseKind.ORACLE) + family.rows(CaseKind.GOLD)),
            _accepted(family.rows(CaseKind.HONEST)),
            _accepted(family.rows(CaseKind.NEAR_MISS)),
            _best(family.rows(CaseKind.CHEAT)),
            _constant(family),
            str(len(family.violations)),
            *_original(family.name),
        ]
        for family in families
    ]


def _accepted(rows: Sequence[CaseRow]) -> str:
    """The share accepted of all runs of some cases, and how many those are."""
    runs = sum(row.runs for row in rows)
    return f"{sum(row.accepted for row in rows) / runs:.1%} of {runs}" if runs else "–"


def _original(name: str) -> list[str]:
    known = PUBLISHED.get(name)
    return [f"{known.best_cheat:g}%", f"{known.gold}%"] if known else ["–", "–"]


def _best(rows: Sequence[CaseRow]) -> str:
    best = max(rows, key=lambda row: row.reward, default=None)
    return f"{best.reward:.1%} of {len(rows)}" if best else "–"


def _constant(family: FamilyReport) -> str:
    if family.constant is None:
        return "–"
    shown = f" ({family.constant.answer[:20]})" if family.constant.reward and not family.restricted else ""
    return f"{family.constant.reward:.1%}{shown}"


def summary_table(families: Iterable[FamilyReport]) -> Table:
    """For a terminal."""
    # A figure that is cut off would mislead: rather more lines.
    first, *others = _SUMMARY
    columns = [Column(first, no_wrap=True), *(Column(name, overflow="fold") for name in others)]
    table = Table(*columns, title="share of runs accepted, by family", box=SIMPLE_HEAD, padding=0, show_edge=False)
    for row in summary_rows(families):
        table.add_row(*row)
    return table


def summary_markdown(families: Iterable[FamilyReport]) -> str:
    """The same, for a page."""
    return _grid(_SUMMARY, summary_rows(families))


def published_rows(families: Iterable[FamilyReport]) -> list[list[str]]:
    """The original's figures for the families of an audit."""
    known = [(family.name, PUBLISHED[family.name]) for family in families if family.name in PUBLISHED]
    return [
        [
            name,
            *("–" if value is None else f"{value:g}" for value in (p.tasks, p.empty, p.crash, p.print_0, p.print_1)),
            *(f"{p.best_cheat:g}", p.cheat, p.gold),
        ]
        for name, p in known
    ]


def write(folder: Path, families: Sequence[FamilyReport], settings: dict[str, Any]) -> None:
    """Writes both files, each whole or not at all. Raises StorageError."""
    content = {
        "settings": settings,
        "families": [_plain(family) for family in families],
        "violations": [asdict(violation) for family in families for violation in family.violations],
    }
    write_text(folder / JSON, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / MARKDOWN, markdown(families, settings))


def read(path: Path) -> list[FamilyReport]:
    """The families of an `audit.json`. Raises ConfigError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        broken = [Violation(**violation) for violation in content["violations"]]
        return [_report(family, broken) for family in content["families"]]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the {JSON} that an audit wrote") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not the {JSON} of an audit") from error


def _report(plain: dict[str, Any], broken: Sequence[Violation]) -> FamilyReport:
    """What `_plain` made of one; a constant that it left out is empty."""
    found = {key: value for key, value in plain.items() if key != "original"}
    constant = found.pop("constant")
    return FamilyReport(
        **(found | {"cases": [CaseRow(**case) for case in found["cases"]]}),
        constant=None if constant is None else Constant(**({"answer": ""} | constant)),
        violations=[violation for violation in broken if violation.family == found["name"]],
    )


def _plain(family: FamilyReport) -> dict[str, Any]:
    plain = asdict(family)
    del plain["violations"]
    if family.restricted and family.constant is not None:
        del plain["constant"]["answer"]  # a gold of a data set that may not be made public
    return plain | {"original": asdict(PUBLISHED[family.name]) if family.name in PUBLISHED else None}


def markdown(families: Sequence[FamilyReport], settings: dict[str, Any]) -> str:
    """The whole report as Markdown."""
    said = ", ".join(f"{key} {value}" for key, value in settings.items())
    parts = ["# Audit of rewards", f"Settings: {said}.", summary_markdown(families)]
    parts += [
        "What is accepted of oracle and honest variants must be all, of near misses nothing; no cheat may earn more"
    ]
    parts[-1] += " than the best constant answer, and nothing at all where it is not even a constant."
    broken = [violation for family in families for violation in family.violations]
    parts.append(f"## Bounds broken: {len(broken) or 'none'}")
    parts += ["\n".join(f"- {violation}" for violation in broken)] if broken else []
    if known := published_rows(families):
        parts += [f"## For comparison: {LABEL}", _grid(_PUBLISHED, known)]
    for family in families:
        title = f"## {family.name}: {family.tasks} tasks, scorer {family.scorer_version}"
        rows = [_case_cells(row) for row in family.cases]
        parts += [title, _grid(_CASES, rows)]
        parts += (
            ["\n".join(f"- dropped {task}: {why}" for task, why in family.dropped.items())] if family.dropped else []
        )
    return "\n\n".join(parts) + "\n"


def _case_cells(row: CaseRow) -> list[str]:
    paper = "–" if row.paper is None else f"{row.paper:.1%}"
    paid = ", ".join(row.paid_for[:_PAID_SHOWN]) + (", …" if len(row.paid_for) > _PAID_SHOWN else "")
    example = f"`` {row.example} ``" if row.example else ""
    share = f"{row.accepted / row.runs:.1%}"
    return [
        f"{row.kind}: {row.name}" if row.kind != CaseKind.CHEAT else f"cheat {row.name}",
        example,
        str(row.runs),
        share,
        f"{row.reward:.3f}",
        paper,
        paid,
    ]


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
