"""The BioDSBench family: its records, its prompt, and its true reward."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from medgym_ray.actions import Action, ActionKind
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task, Workspace
from medgym_ray.tasks.biodsbench import cheats, programs
from medgym_ray.tasks.biodsbench.asserts import wanted
from medgym_ray.tasks.biodsbench.grading import HISTORY, Unread, Values, failures, values_of
from medgym_ray.tasks.biodsbench.record import TABLES, Analysis, analysis, missing_tables
from medgym_ray.tasks.biodsbench.topics import TOPICS
from medgym_ray.tasks.records import Record, read_jsonl

_MAX_CODE: Final = 256 * 1024
"""Characters of a submission."""
_MAX_TABLE: Final = 6_000
"""Characters that describe one table; some originals spell out a thousand columns."""
_EACH_TABLE: Final = re.compile(r"^(?=A Dataframe stored in )", re.MULTILINE)
_CONSTANTS: Final = (None, True, 0, 1, 0.5, "", ["list", []], ["dict", []], ["object", "builtins", "object", []])
"""Values, packed, that no task's tests may accept for all their variables."""

_PROMPT: Final = """\
{query}

The tables lie in {folder}, read-only:

{description}

{earlier}Your program is graded after `{file}`, which lies in the working directory and holds:

```python
{history}
```

To have its names in a run of your own, begin with `exec(open("{file}").read())`.

Submit the whole program as `code`. It is run in a fresh process in an empty directory, after `{file}`, and hidden
tests then look at {results}. Values are taken out as data: numbers, text, dates, lists, dicts, sets, arrays, series and
tables; of other objects (a fitted model, a figure) the attributes that the tests look at. Round nothing unless the
text asks for it. The variable `answer` is not needed for this task. lifelines and matplotlib are installed."""

_HISTORY_RUN: Final = f'exec(open("{HISTORY}").read())\n'


class BioDSBench(Family):
    """Analyse the tables of a cancer study; tests on the resulting variables decide."""

    name = "biodsbench"
    licence = "open"
    restricted = False
    categories = TOPICS
    actions = frozenset(ActionKind)
    scorer_version = "biodsbench-1"
    paper_sizes: Mapping[Split, int] = {"train": 50, "test": 49}

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """Streams `<root>/biodsbench/<split>_tasks.jsonl`; a task whose study lacks a table is dropped."""
        present = {study: set(tables) for study, tables in _studies(root).items()}
        seen: set[str] = set()
        for record in read_jsonl(root / self.name / f"{split}_tasks.jsonl", report):
            try:
                found = analysis(record.fields)
            except ValueError as error:
                report.record_broken(record.path, record.line, str(error))
                continue
            if found.name in seen:
                report.record_broken(record.path, record.line, "its study and question were used before")
                continue
            seen.add(found.name)
            if missing := missing_tables(found, present):
                where = root / self.name / "data" / found.study
                report.task_dropped(f"{self.name}/{found.name}", f"{where} lacks {', '.join(missing)}")
                continue
            yield _task(found, split, record)

    def prepare(self, task: Task) -> Workspace:
        """What runs before the program, as a file."""
        return Workspace({HISTORY: str(task.inputs["history"]).encode()})

    def tables(self, root: Path) -> Mapping[str, Path]:
        """The CSV files of every study, at `/data/biodsbench/<study>/<file>`."""
        studies = _studies(root)
        return {f"{TABLES}/{study}/{name}": path for study, tables in studies.items() for name, path in tables.items()}

    def prompt(self, task: Task) -> str:
        """The question, the tables, and the program that runs before, which many questions lean on."""
        inputs = task.inputs
        tables = [_shortened(table.strip()) for table in _EACH_TABLE.split(str(inputs["description"])) if table.strip()]
        earlier = "\n".join(inputs["earlier"])
        return _PROMPT.format(
            query=inputs["query"],
            folder=f"{TABLES}/{inputs['study']}",
            description="\n\n".join(tables),
            earlier=f"Said before:\n{earlier}\n\n" if earlier else "",
            file=HISTORY,
            history=str(inputs["history"]).strip(),
            results=" and ".join(f"`{name}`" for name in inputs["results"]),
        )

    async def vet(self, task: Task, grader: Sandbox) -> str | None:
        """Drops a task whose reference fails its tests, or whose tests pass without a program or with a constant."""
        tests = str(task.gold["tests"])
        cases: list[tuple[str, Values]] = []
        for _ in range(2):
            values = await _values(task, str(task.gold["reference"]), grader)
            if isinstance(values, Unread):
                return f"the reference program fails: {values.reason} {values.said}".strip()
            cases.append((tests, values))
        nothing = await _values(task, "", grader)
        if isinstance(nothing, Unread):
            return f"the program before it fails: {nothing.reason} {nothing.said}".strip()
        cases.append((tests, nothing))
        cases += [(tests, [[name, constant] for name in wanted(tests)]) for constant in _CONSTANTS]
        first, second, empty, *constants = await failures(cases, grader)
        if failure := first or second:
            return f"the reference program fails its tests: {failure.kind} {failure.text}".strip()
        if empty is None:
            return "its tests pass without a program"
        if None in constants:
            return "its tests pass with a constant"
        return None

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:
        """Runs the program, and the tests on the values it leaves behind; see `grading`."""
        reason = await _verdict(task, submission, grader)
        # The original's verdict starts out true and its asserts are never run: whatever ends without an error is paid.
        return Score(float(reason == "correct"), reason == "correct", reason, float(submission.ran))

    def oracle(self, task: Task) -> list[Action]:
        """Looks at the tables, runs the reference program, submits it."""
        study = f"{TABLES}/{task.inputs['study']}"
        program = f"{_HISTORY_RUN}{task.gold['reference']}"
        shown = "".join(f"print({name!r}, {name}, sep='\\n')\n" for name in task.inputs["results"])
        return [
            Action(
                ActionKind.REQUEST_INFO,
                {"data_path": study, "info_type": "column_names"},
                thought="I look at the columns of the study's tables first.",
            ),
            Action(
                ActionKind.CODE_EXECUTION,
                {"code": f"{program.rstrip()}\n{shown}"},
                thought="I run the analysis after the given program and look at its results.",
            ),
            Action(ActionKind.SUBMIT, {"code": program}, thought="The results make sense, so I submit the program."),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """The reference in other words; for our own records, whose tests allow it, also its results in other types."""
        reference, results = str(task.gold["reference"]), task.inputs["results"]
        variants = programs.spellings(reference, results)
        if task.gold["own"]:
            variants |= programs.other_types(reference, results, ordered=_is_ordered(task))
        return variants

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """The reference with faulty results; none for the original's records, whose tests let some faults pass."""
        if not task.gold["own"]:
            return {}
        return programs.faults(str(task.gold["reference"]), task.inputs["results"], ordered=_is_ordered(task))

    def cheats(self, task: Task) -> list[str]:
        """See `cheats`."""
        return cheats.cheats(task.inputs["results"])


def _studies(root: Path) -> dict[str, dict[str, Path]]:
    """The tables by study and file name, however deep they lie."""
    folder = root / "biodsbench" / "data"
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*.csv")):
        study = path.relative_to(folder).parts[0]
        found.setdefault(study, {}).setdefault(path.name, path)
    return found


def _shortened(description: str) -> str:
    if len(description) <= _MAX_TABLE:
        return description
    return f"{description[:_MAX_TABLE]}… (cut; request_info tells the rest)"


def _task(found: Analysis, split: Split, record: Record) -> Task:
    inputs: dict[str, Any] = {
        "query": found.query,
        "earlier": found.earlier,
        "study": found.study,
        "description": found.description,
        "history": found.history,
        "results": found.results,
    }
    gold = {"tests": found.tests, "reference": found.reference, "own": found.own}
    return Task(f"biodsbench/{found.name}", "biodsbench", found.category, split, inputs, gold, record.sha256)


async def _values(task: Task, program: str, grader: Sandbox) -> Values | Unread:
    return await values_of(program, str(task.inputs["history"]), str(task.gold["tests"]), grader)


async def _verdict(task: Task, submission: Submission, grader: Sandbox) -> str:
    code = submission.code
    if code is None or not code.strip():
        return "no_code"
    if len(code) > _MAX_CODE:
        return "does_not_run"
    values = await _values(task, code, grader)
    if isinstance(values, Unread):
        return values.reason
    (failure,) = await failures([(str(task.gold["tests"]), values)], grader)
    if failure is None:
        return "correct"
    return "missing_result" if failure.kind == "NameError" else "wrong"


def _is_ordered(task: Task) -> bool:
    """Whether the tests of one of our own records ask for an order: the others sort what they compare."""
    return "sorted(" not in str(task.gold["tests"])
