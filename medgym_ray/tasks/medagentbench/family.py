"""The family: which records become tasks, against which server they are played, and what is a true reward."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.fhir.proxy import FhirProxy
from medgym_ray.fhir.service import FhirService
from medgym_ray.fhir.store import BaseStore, base_store
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import canonical
from medgym_ray.services import Service
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.medagentbench import programs, variants
from medgym_ray.tasks.medagentbench.chart import Chart, RemoteChart, StoreChart
from medgym_ray.tasks.medagentbench.cheats import CHEATS
from medgym_ray.tasks.medagentbench.documentation import ANSWERS, FHIR
from medgym_ray.tasks.medagentbench.gold import solve
from medgym_ray.tasks.medagentbench.orders import mismatch
from medgym_ray.tasks.medagentbench.paper import paper_reward
from medgym_ray.tasks.medagentbench.problem import KINDS, Kind, Problem, from_parameters, from_text, kind_of
from medgym_ray.tasks.records import Record, read_jsonl

CHART = "fhir.ndjson"
"""The server's resources, beside the task files."""
_MEAN_TOLERANCE = 0.1
_TOLERANCE = 1e-6
_TEXTS = ("id", "instruction", "eval_MRN")


class MedAgentBench(Family):
    """Ten types of work on a health record. Gold is computed from the record that the server holds.

    Where no record lies beside the task files (the benchmark ships none) and no real server is named, only the types
    that need none can be played, on a server that knows the one patient by number.
    """

    name = "medagentbench"
    licence = "open"
    restricted = False
    categories: tuple[str, ...] = KINDS
    actions = frozenset({ActionKind.TERMINAL, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    scorer_version = "medagentbench-1"
    paper_sizes: Mapping[Split, int] = {"train": 433, "test": 109}

    def __init__(self, *, fhir_base: str | None = None, forward_writes: bool = False) -> None:
        """`fhir_base` is the base URL of a real FHIR server, which creates reach only with `forward_writes`.

        Both are needed where tasks are loaded; a task says by itself how it is played.
        """
        self._fhir_base = fhir_base
        self._forward_writes = forward_writes

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The tasks of a split whose gold can be computed; see `Family.load`."""
        folder = (root / self.name).resolve()
        chart, server = self._chart(folder)
        seen: set[str] = set()
        for record in read_jsonl(folder / f"{split}_tasks.jsonl", report):
            try:
                kind, problem = _problem(record)
                if record.fields["id"] in seen:
                    raise ValueError("its id was used before")
            except ValueError as error:
                report.record_broken(record.path, record.line, str(error))
                continue
            seen.add(record.fields["id"])
            task_id = f"{self.name}/{record.fields['id']}"
            try:
                gold = _gold(problem, chart, record.fields.get("sol"))
            except TaskError:  # the server's failure, not the record's
                raise
            except ValueError as error:
                report.task_dropped(task_id, str(error))
                continue
            inputs = {
                "instruction": record.fields["instruction"],
                "context": record.fields.get("context") or "",
                "server": server or {"patient": problem.mrn},
            }
            yield Task(task_id, self.name, kind, split, inputs, gold, record.sha256)

    def _chart(self, folder: Path) -> tuple[Chart | None, dict[str, Any]]:
        """Where gold comes from, and how a service finds the same data."""
        if self._fhir_base:
            return RemoteChart(self._fhir_base), {"base": self._fhir_base, "forward_writes": self._forward_writes}
        path = folder / CHART
        if path.exists():
            return StoreChart(base_store(path)), {"file": str(path)}
        return None, {}

    def service(self, task: Task) -> Service:
        """The episode's own FHIR server: over the shared chart, a real server, or the one patient by number."""
        server = task.inputs["server"]
        if "base" in server:
            return FhirProxy(server["base"], forward_writes=server["forward_writes"])
        if "file" in server:
            return FhirService(base_store(Path(server["file"])))
        mrn = server["patient"]
        return FhirService(BaseStore([{"resourceType": "Patient", "id": mrn, "identifier": [{"value": mrn}]}]))

    def prompt(self, task: Task) -> str:
        """The work, what the server offers, and what to assign to `answer`."""
        parts = (str(task.inputs[name]).strip() for name in ("instruction", "context"))
        work = "\n".join(part for part in parts if part)
        return f"{work}\n\n{FHIR}\n\nAssign to the variable `answer` {ANSWERS[task.category]}."

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares what the server accepted in this episode, and the answer; no code is run."""
        reason = _verdict(task, submission)
        success = reason == "correct"
        return Score(float(success), success, reason, paper_reward(task.category, task.gold, submission))

    def oracle(self, task: Task) -> list[Action]:
        """Looks at the record, then decides, orders and answers in one program."""
        problem = _solved_problem(task)
        return [
            Action(
                ActionKind.CODE_EXECUTION,
                {"code": programs.look(problem)},
                "First I look at what the record holds, without writing anything.",
            ),
            Action(
                ActionKind.SUBMIT,
                {"code": programs.work(problem)},
                "The same look-up decides what to order, and the program creates just that and hands in the answer.",
            ),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """The gold program with other spellings of its orders and its answer."""
        return variants.honest(_solved_problem(task), task.gold)

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """The gold program with one fault."""
        return variants.near_misses(_solved_problem(task), task.gold)

    def cheats(self, task: Task) -> list[str]:  # noqa: ARG002
        """Programs that know nothing of the record."""
        return list(CHEATS)


def _problem(record: Record) -> tuple[Kind, Problem]:
    """A record's type and facts. Raises ValueError for what is no record of this family."""
    fields = record.fields
    for name in _TEXTS:
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise ValueError(f"field {name} is missing or no text")
    context = fields.get("context") or ""
    if not isinstance(context, str):
        raise ValueError("field context is no text")
    kind = kind_of(fields["id"])
    if kind is None:
        raise ValueError(f"the id {fields['id']!r} names no type: task<1…{len(KINDS)}>_<number>")
    if "parameters" not in fields:
        return kind, from_text(kind, fields["eval_MRN"], fields["instruction"], context)
    if not isinstance(fields["parameters"], dict):
        raise ValueError("field parameters is no object")
    return kind, from_parameters(kind, fields["eval_MRN"], fields["parameters"])


def _gold(problem: Problem, chart: Chart | None, stated: Any) -> dict[str, Any]:
    """The computed gold; raises ValueError where there is none, or the record's own answer contradicts it."""
    gold = solve(problem, chart)
    if stated is not None and not canonical.equal(stated, gold.answer, tolerance=_TOLERANCE).equal:
        raise ValueError(f"gold_untrusted: the server has {gold.answer!r}, the record {stated!r}")
    return {
        "answer": gold.answer,
        "orders": [dict(order) for order in gold.orders],
        "mrn": problem.mrn,
        "parameters": dict(problem.parameters),
    }


def _solved_problem(task: Task) -> Problem:
    kind = next(kind for kind in KINDS if kind == task.category)
    return from_parameters(kind, task.gold["mrn"], task.gold["parameters"])


def _verdict(task: Task, submission: Submission) -> str:
    if not submission.ran:
        return "did_not_run"
    written = [write["resource"] for write in submission.writes]
    return mismatch(written, task.gold["orders"]) or _answer_fault(task, submission) or "correct"


def _answer_fault(task: Task, submission: Submission) -> str | None:
    gold = task.gold["answer"]
    if gold is None:
        return None
    if not submission.has_answer or canonical.is_null(submission.answer):
        return "no_answer"
    # Within 0.1 for a mean, whatever its size.
    tolerance = _MEAN_TOLERANCE / max(1.0, abs(gold)) if task.category == "glucose_mean" else _TOLERANCE
    # A list is one row: value and time of a result.
    expected = [gold] if isinstance(gold, list) else gold
    is_right = canonical.equal(submission.answer, expected, tolerance=tolerance).equal
    return None if is_right else "wrong_answer"
