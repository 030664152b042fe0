"""What the gold program prints: on the task's own input, and on hidden inputs made from it.

Hidden cases: the literals in `random.seed(…)`, `numpy.random.seed(…)`, `RandomState(…)` and `default_rng(…)` of the
context are moved, and with them the seed that the harness gives the global generators. A case is kept where the gold
program's output differs from that of all cases kept before, and is the same when run again.

The harness seeds the global generators because many contexts draw their input without seeding them: such a task would
flip from run to run, and with the seed it is as good as any other. Not where the gold function draws random numbers
itself: a submission could be right and still draw them in another order, so there repeated runs decide.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import Task
from medgym_ray.tasks.biocoder.harness import Run, run_program
from medgym_ray.tasks.biocoder.outputs import same_output
from medgym_ray.tasks.biocoder.splice import has_seed, reseed, splice

HIDDEN_CASES = 3
_TRIES = 6
_VISIBLE_RUNS = 3
_AMBIENT_SEED = 20_506
_DRAWS = re.compile(r"\brandom\s*\.\s*(?!seed\b)\w|\b(?:randint|randrange|shuffle|default_rng|RandomState)\b")
_IMPORT = re.compile(r"^\s*(?:from|import)\s.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One input: the context with these seeds, and what the gold program prints there."""

    context: str
    seed: int | None
    output: str


@dataclass(frozen=True, slots=True)
class Gold:
    """All cases of a task, the visible one first, and what the original's own rule compares with (None: nothing)."""

    cases: tuple[Case, ...]
    paper: str | None


class GoldCache:
    """Gold by task, the least recently used forgotten first.

    Only what can be used is kept: a reason why there is none may be a busy machine's (a limit that was hit once).
    """

    def __init__(self, size: int = 512) -> None:
        self._size = size
        self._entries: OrderedDict[tuple[str, str], Gold] = OrderedDict()

    async def get(self, task: Task, sandbox: Sandbox) -> Gold | str:
        """The gold of a task, computed where it isn't known; a str is the reason why it has none."""
        key = (task.task_id, task.source_sha256)
        known = self._entries.get(key) or await compute(task, sandbox)
        if isinstance(known, Gold):
            self._entries[key] = known
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return known


async def compute(task: Task, sandbox: Sandbox) -> Gold | str:
    """Runs the gold program until its output can be trusted."""
    solution, context = str(task.gold["solution"]), str(task.inputs["context"])
    seed = None if _DRAWS.search(solution) else _AMBIENT_SEED
    program = splice(context, solution)
    runs: list[Run] = []
    for _ in range(_VISIBLE_RUNS):
        runs.append(await run_program(sandbox, program, seed))
        if not runs[-1].finished:
            return f"gold does not run: {runs[-1].why}"
    # Exactly equal, not only within tolerance: noise in the last digit could cross a tie anywhere else.
    if len({run.stdout for run in runs}) > 1:
        return "gold is not deterministic (outputs differ between runs)"
    if not runs[0].stdout.strip():
        return "gold prints nothing"
    cases = [Case(context, seed, runs[0].stdout)]
    for offset in _offsets(task) if _varies(context) else ():
        case = await _hidden_case(sandbox, solution, context, seed, offset)
        if case is not None and not any(same_output(known.output, case.output) for known in cases):
            cases.append(case)
        if len(cases) > HIDDEN_CASES:
            break
    return Gold(tuple(cases), await _paper_output(task, program, runs[0], sandbox))


async def _hidden_case(sandbox: Sandbox, solution: str, context: str, seed: int | None, offset: int) -> Case | None:
    moved = reseed(context, offset)
    moved_seed = None if seed is None else seed + offset
    first, second = [await run_program(sandbox, splice(moved, solution), moved_seed) for _ in range(2)]
    if not (first.finished and second.finished) or first.stdout != second.stdout:
        return None
    return Case(moved, moved_seed, first.stdout)


async def _paper_output(task: Task, program: str, visible: Run, sandbox: Sandbox) -> str | None:
    """What the record's own `code` prints; it breaks where the original spliced without indenting."""
    code = str(task.gold["code"])
    run = visible if code == program else await run_program(sandbox, code, None)
    return combined(run.stdout, run.stderr) if run.finished else None


def combined(stdout: str, stderr: str) -> str:
    """The one message that the original makes of an execution's two streams."""
    return stdout + ("\n" + stderr if stderr else "")


def _varies(context: str) -> bool:
    """Whether other seeds could change anything, so that no runs are spent on contexts with a constant input."""
    return has_seed(context) or _DRAWS.search(_IMPORT.sub("", context)) is not None


def _offsets(task: Task) -> Iterator[int]:
    """Fixed per task, so that every grading uses the same hidden cases."""
    for attempt in range(_TRIES):
        digest = hashlib.sha256(f"{task.source_sha256}:{attempt}".encode()).digest()
        yield 1 + int.from_bytes(digest[:3], "big")
