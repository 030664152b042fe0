"""The BioCoder family: its records, its prompt, and its true reward."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.biocoder.cheats import CHEATS, stubs
from medgym_ray.tasks.biocoder.gold import Case, Gold, GoldCache, combined
from medgym_ray.tasks.biocoder.harness import run_program
from medgym_ray.tasks.biocoder.mutants import mutants
from medgym_ray.tasks.biocoder.outputs import same_output
from medgym_ray.tasks.biocoder.splice import (
    MARKER,
    defines,
    function_name,
    has_seed,
    marker_indent,
    reseed,
    splice,
    without_later_definition,
)
from medgym_ray.tasks.biocoder.topics import TOPICS, topic_of
from medgym_ray.tasks.biocoder.variants import variants
from medgym_ray.tasks.records import Record, read_jsonl

_FIELDS: Final = ("idx", "problem", "solution", "context", "signature", "code")
_MAX_CODE: Final = 256 * 1024
"""Characters of a submission; the longest gold has 7,000."""

_PROMPT: Final = """\
{problem}

Write the Python function with this signature (defaults and decorators as the text and the program below need them):

{fence}python
{signature}
{fence}

It belongs into the following program, in place of the line `{marker}`:

{fence}python
{context}
{fence}

Submit the complete function as `code`. It is inserted at the marker (indented to the marker's column), the program is
run as a whole, and what it prints must be what the reference prints, also on hidden inputs that are drawn with other
random seeds. Import statements and helper functions may stand beside the function. {place}Do not repeat the program, \
do not print from the function unless the text asks for it, and do not end the process. The variable `answer` is not
needed for this task. To try your function, run the program with it yourself."""

_IN_CLASS: Final = (
    "The marker stands in a class body, so write the method alone, with `self` where the signature has it: import "
    "statements are moved to the head of the program, and a helper must be a method or nested in the function. "
)


class BioCoder(Family):
    """Complete a function of a bioinformatics program; the program's output decides."""

    name = "biocoder"
    licence = "open"
    restricted = False
    categories = TOPICS
    actions = frozenset({ActionKind.TERMINAL, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    scorer_version = "biocoder-1"
    paper_sizes: dict[Split, int] = {"test": 157, "train": 981}  # noqa: RUF012 - the Protocol's own spelling

    def __init__(self) -> None:
        self._cache = GoldCache()

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """Streams `<root>/biocoder/<split>_tasks.jsonl`."""
        seen: set[str] = set()
        for record in read_jsonl(root / self.name / f"{split}_tasks.jsonl", report):
            why = _broken(record)
            if why is None and record.fields["idx"] in seen:
                why = "its idx was used before"
            if why is not None:
                report.record_broken(record.path, record.line, why)
                continue
            seen.add(record.fields["idx"])
            yield _task(record, split)

    def prompt(self, task: Task) -> str:
        """Problem, signature and the program around the function, which the original left out of its prompt."""
        context = str(task.inputs["context"])
        fence = "```"
        while fence in context:
            fence += "`"
        return _PROMPT.format(
            problem=str(task.inputs["problem"]).strip(),
            signature=str(task.inputs["signature"]).strip(),
            context=context.strip("\n"),
            marker=MARKER,
            fence=fence,
            place=_IN_CLASS if marker_indent(context) else "",
        )

    async def gold(self, task: Task, grader: Sandbox) -> Gold | str:
        """The cases a submission is graded on, computed where they aren't known yet; a str says why there are none."""
        return await self._cache.get(task, grader)

    async def vet(self, task: Task, grader: Sandbox) -> str | None:
        """Drops a task whose gold can't be trusted, or whose program runs alike with a stub."""
        gold = await self.gold(task, grader)
        if isinstance(gold, str):
            return gold
        for what, stub in stubs(task):
            if await _first_difference(gold, stub, grader) is None:
                return f"its program prints the same with {what}"
        return None

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:
        """Runs the submission in the context on the visible and the hidden inputs; all outputs must be the gold's.

        Raises TaskError where the task has no usable gold, which `vet` says first.
        """
        gold = await self.gold(task, grader)
        if isinstance(gold, str):
            raise TaskError(f"{task.task_id}: {gold}")
        reason = await _verdict(task, gold, submission, grader)
        right = reason == "correct"
        return Score(float(right), right, reason, _paper_reward(gold, submission))

    def oracle(self, task: Task) -> list[Action]:
        """Runs the program with the record's own function in it, also on another input, and submits the function."""
        solution, context = str(task.gold["solution"]), str(task.inputs["context"])
        trials = {"I put the function into the program and run it.": context}
        if has_seed(context):
            trials["Hidden inputs come from other seeds, so I try the function with one of those too."] = reseed(
                context, 1
            )
        return [
            *(
                Action(ActionKind.CODE_EXECUTION, {"code": splice(trial, solution)}, thought)
                for thought, trial in trials.items()
            ),
            Action(
                ActionKind.SUBMIT,
                {"code": solution},
                "The program prints what was asked for, so I submit the function.",
            ),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """See `variants`."""
        context = str(task.inputs["context"])
        return variants(str(task.gold["solution"]), _name(task), in_class=bool(marker_indent(context)))

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """See `mutants`."""
        return mutants(str(task.gold["solution"]), _name(task))

    def cheats(self, task: Task) -> list[str]:
        """See `cheats`; the signature's name is filled in, as a submission that lacks it is not even run."""
        name = _name(task) or "f"
        return [cheat.replace("FUNCTION", name) for cheat in CHEATS] + [stub for _, stub in stubs(task)]


def _broken(record: Record) -> str | None:
    for field in _FIELDS:
        if not isinstance(record.fields.get(field), str):
            return f"field {field!r} is missing or no string"
    if not record.fields["idx"] or any(character in record.fields["idx"] for character in "/\\ \t\n"):
        return "field 'idx' is no identifier"
    if not record.fields["solution"].strip():
        return "field 'solution' is empty"
    if (markers := record.fields["context"].count(MARKER)) != 1:
        return f"the context has {markers} times {MARKER}, not once"
    if marker_indent(record.fields["context"]) is None:
        return f"{MARKER} is not alone on its line"
    name = function_name(record.fields["signature"])
    if name is None:
        return "the signature declares no function"
    if not defines(record.fields["solution"], name):
        return f"the solution does not define {name}"
    return None


def _task(record: Record, split: Split) -> Task:
    fields = record.fields
    name = function_name(fields["signature"]) or ""
    return Task(
        task_id=f"biocoder/{fields['idx']}",
        family="biocoder",
        category=topic_of(fields["problem"], fields["signature"]),
        split=split,
        inputs={
            "problem": fields["problem"],
            "signature": fields["signature"],
            "context": without_later_definition(fields["context"], name),
        },
        gold={"solution": fields["solution"], "code": fields["code"]},
        source_sha256=record.sha256,
    )


def _name(task: Task) -> str:
    return function_name(str(task.inputs["signature"])) or ""


def _code_of(submission: Submission) -> str | None:
    """The code that was handed in; a text as answer counts as code where there is none."""
    if submission.code is not None and submission.code.strip():
        return submission.code
    if submission.has_answer and isinstance(submission.answer, str) and submission.answer.strip():
        return submission.answer
    return None


async def _verdict(task: Task, gold: Gold, submission: Submission, grader: Sandbox) -> str:
    code = _code_of(submission)
    name = _name(task)
    if code is None or not defines(code, name):
        return "no_code"
    if len(code) > _MAX_CODE:
        return "does_not_run"
    return await _first_difference(gold, code, grader) or "correct"


async def _first_difference(gold: Gold, code: str, grader: Sandbox) -> str | None:
    """The reason of the first case on which the code is not the gold's equal."""
    for number, case in enumerate(gold.cases):
        reason = await _differs(case, code, grader)
        if reason is not None:
            return "output_differs_hidden" if number and reason == "output_differs" else reason
    return None


async def _differs(case: Case, code: str, grader: Sandbox) -> str | None:
    run = await run_program(grader, splice(case.context, code), case.seed)
    if not run.ok:
        return "does_not_run"
    if not run.finished:
        return "did_not_finish"
    return None if same_output(case.output, run.stdout) else "output_differs"


def _paper_reward(gold: Gold, submission: Submission) -> float:
    """The original's rule: what the agent's own program printed is, byte for byte, what the record's `code` prints.

    stdout and stderr count as one text. The agent's program is not spliced into the context, so it must be a whole
    program; where the record's `code` does not run the original compares two tracebacks, which are never alike as they
    name a random file.
    """
    said = combined(submission.stdout, submission.stderr)
    return float(submission.ran and gold.paper is not None and said == gold.paper)
