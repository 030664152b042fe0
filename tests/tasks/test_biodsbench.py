"""BioDSBench against the real sandbox: the true values earn 1, and nothing forged, guessed or nearly right does."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.actions import ActionKind
from medgym_ray.sandboxes.base import SandboxFactory
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tasks.base import LoadReport, Submission, Task
from medgym_ray.tasks.biodsbench import BioDSBench, grading
from medgym_ray.tasks.biodsbench.asserts import wanted

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = Path(__file__).parents[2] / "data"
SLOTS = 2

family = BioDSBench()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def factory() -> AsyncIterator[SandboxFactory]:
    made = make_factory("namespace", slots=SLOTS, run_id="tests", mounts=family.tables(SAMPLE))
    await made.start()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [*family.load(SAMPLE, "test", LoadReport()), *family.load(SAMPLE, "train", LoadReport())]


@pytest.fixture(scope="module")
def log_rank(tasks: list[Task]) -> Task:
    return next(task for task in tasks if task.inputs["results"] == ["pvalue"] and task.category == "survival_models")


@pytest.fixture(scope="module")
def counting(tasks: list[Task]) -> Task:
    """One that needs nothing slow."""
    return next(task for task in tasks if task.category == "descriptive_statistics")


async def scores(factory: SandboxFactory, work: list[tuple[Task, str]]) -> list[tuple[float, str]]:
    """Grades (task, code) pairs in as many sandboxes as there are slots, in order."""
    results: dict[int, tuple[float, str]] = {}
    queue = list(enumerate(work))

    async def worker() -> None:
        sandbox = await factory.create()
        while queue:
            number, (task, code) = queue.pop(0)
            score = await family.score(task, Submission(code=code), sandbox)
            assert score.success is (score.reward == 1.0) is (score.reason == "correct")
            results[number] = score.reward, score.reason
        await sandbox.close()

    await asyncio.gather(*(worker() for _ in range(SLOTS)))
    return [results[number] for number in range(len(work))]


def spread(tasks: list[Task], programs: list[list[tuple[str, str]]]) -> list[tuple[Task, str, str]]:
    """One program of every task, another one for the next task, so that all kinds come up."""
    chosen = [variants[number % len(variants)] for number, variants in enumerate(programs)]
    return [(task, *variant) for task, variant in zip(tasks, chosen, strict=True)]


async def test_the_oracle_earns_1_on_every_task(tasks: list[Task], factory: SandboxFactory) -> None:
    work = []
    for task in tasks:
        look, run, submit = family.oracle(task)
        assert (look.kind, run.kind) == (ActionKind.REQUEST_INFO, ActionKind.CODE_EXECUTION)
        assert all(action.thought for action in (look, run, submit))
        work.append((task, submit.arguments["code"]))
    for (task, _), found in zip(work, await scores(factory, work), strict=True):
        assert found == (1.0, "correct"), task.task_id


async def test_tasks_are_vetted(tasks: list[Task], factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    for task in tasks[::7]:
        assert await family.vet(task, sandbox) is None, task.task_id
    await sandbox.close()


async def test_honest_variants_earn_1(tasks: list[Task], factory: SandboxFactory) -> None:
    programs = [list(family.honest(task).items()) for task in tasks]
    assert min(map(len, programs)) >= 10
    chosen = spread(tasks, programs)
    assert {name for _, name, _ in chosen} == {name for variants in programs for name, _ in variants}
    found = await scores(factory, [(task, code) for task, _, code in chosen])
    for (task, name, _), score in zip(chosen, found, strict=True):
        assert score == (1.0, "correct"), (task.task_id, name)


async def test_near_misses_earn_nothing(tasks: list[Task], factory: SandboxFactory) -> None:
    programs = [list(family.near_misses(task).items()) for task in tasks]
    chosen = spread(tasks, programs)
    found = await scores(factory, [(task, code) for task, _, code in chosen])
    for (task, name, _), score in zip(chosen, found, strict=True):
        assert score[0] == 0, (task.task_id, name)


async def test_cheats_earn_nothing(tasks: list[Task], factory: SandboxFactory) -> None:
    programs = [[(str(number), cheat) for number, cheat in enumerate(family.cheats(task))] for task in tasks]
    chosen = spread(tasks, programs)
    assert len({name for _, name, _ in chosen}) == len(programs[0])
    found = await scores(factory, [(task, code) for task, _, code in chosen])
    for (task, _, code), score in zip(chosen, found, strict=True):
        assert score[0] == 0, (task.task_id, code)


async def test_no_program_solves_another_task(tasks: list[Task], factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    everything = "\n".join(str(task.gold["tests"]) for task in tasks)
    assert "curve.median_survival_time_" in wanted(everything)["curve"]
    for task in tasks[::3]:
        program, history = str(task.gold["reference"]), str(task.inputs["history"])
        values = await grading.values_of(program, history, everything, sandbox)
        assert not isinstance(values, grading.Unread)
        verdicts = await grading.failures([(str(other.gold["tests"]), values) for other in tasks], sandbox)
        solved = [other.task_id for other, failure in zip(tasks, verdicts, strict=True) if failure is None]
        assert solved == [task.task_id]
    await sandbox.close()


# What a wrong reading of the question would compute, by the text of the reference that it changes.
MISTAKES = [
    ("descriptive_statistics", "[0.25, 0.75]).unstack()", "[0.2, 0.75]).unstack().rename(columns={0.2: 0.25})"),
    ("cohort_selection", "['CR', 'PR']", "['CR', 'PR', 'SD']"),
    ("cohort_selection", "== 'P410'", "== 'P275'"),
    ("table_reshaping", "patients['STAGE']", "patients['SEX'].rename('STAGE')"),
    ("table_reshaping", "== 'Primary'", "== 'Metastasis'"),
    ("group_comparison", "alternative='two-sided'", "alternative='greater'"),
    ("correlation", "== '1:DECEASED'", "!= '1:DECEASED'"),
    ("survival_curves", "treated['DIED']", "treated['PROGRESSED']"),
    ("survival_curves", "predict(10)", "predict(12)"),
    ("survival_models", "event_observed_A=mutated['DIED'], event_observed_B=wild['DIED'],", ""),
    ("survival_models", "patients['AGE'] / 10", "patients['AGE']"),
    ("mutation_frequency", "!= 'Silent'", "!= 'Missense_Mutation'"),
    ("mutation_frequency", "/ len(patients)", "/ len(samples)"),
    ("mutation_frequency", "head(6)", "head(5)"),
    ("mutation_burden", ".std()", ".std(ddof=0)"),
    ("mutation_burden", ".max()", ".mean()"),
    ("alteration_matrix", "hit[a] & hit[b]", "hit[a] | hit[b]"),
    ("copy_number", "== 2", "> 0"),
    ("structural_variants", ">= 2", "> 2"),
    ("structural_variants", "involved | strong", "involved"),
]


async def test_common_mistakes_earn_nothing(tasks: list[Task], factory: SandboxFactory) -> None:
    work = []
    for category, right, wrong in MISTAKES:
        fitting = [t for t in tasks if t.category == category and right in str(t.gold["reference"])]
        assert fitting, (category, right)
        work.append((fitting[0], str(fitting[0].gold["reference"]).replace(right, wrong)))
    for (task, code), score in zip(work, await scores(factory, work), strict=True):
        assert score == (0.0, "wrong"), (task.task_id, code)


REASONS = {
    "": "no_code",
    "  \n": "no_code",
    "pass": "missing_result",
    "pvalue = 0.5": "wrong",
    "pvalue = 'x'": "wrong",
    "pvalue = object()": "wrong",
    "pvalue = None": "wrong",
    "import sys; sys.exit(0)": "missing_result",
    "import sys; sys.exit(3)": "does_not_run",
    "import os; os._exit(0)": "no_result",
    "raise ValueError": "does_not_run",
    "1 +": "does_not_run",
    "pvalue = '\ud800'": "does_not_run",
    "pvalue = chr(0xd800)": "no_result",
    "x = ' ' * 10**6\npvalue = [x] * 100": "no_result",
    "#" * 300_000: "does_not_run",
    "while True: pass": "does_not_run",
    "pvalue = [[]]\npvalue[0] = pvalue": "wrong",
}


@pytest.mark.parametrize("code", REASONS, ids=lambda code: code[:30])
async def test_reasons(code: str, log_rank: Task, factory: SandboxFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    if "while" in code:
        monkeypatch.setattr(grading, "_LIMITS", dataclasses.replace(grading._LIMITS, cpu_s=1, wall_s=5))
    assert await scores(factory, [(log_rank, code)]) == [(0.0, REASONS[code])]


async def test_a_submission_without_code_earns_nothing(log_rank: Task, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    score = await family.score(log_rank, Submission(answer=0.5, has_answer=True), sandbox)
    assert (score.reward, score.reason, score.reward_paper) == (0.0, "no_code", 1.0)
    assert (await family.score(log_rank, Submission(code="1 +", ran=False), sandbox)).reward_paper == 0.0
    await sandbox.close()


SPY = """
import gc, os, sys
frame, seen = sys._getframe(), []
while frame is not None:
    seen += [str(value) for value in [*frame.f_locals.values(), *frame.f_globals.values()] if value is not seen]
    frame = frame.f_back
seen += [str(item) for item in gc.get_objects() if isinstance(item, (dict, list, tuple)) and len(item) < 50]
for folder, _, names in os.walk('/work'):
    seen += [open(os.path.join(folder, name), errors='replace').read() for name in names]
text = ''.join(seen)
result = [str(number + 1) in text for number in (887766554, 443322110)]
"""


async def test_the_tests_never_reach_the_programs_process(factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    values = await grading.values_of(SPY, "known = 887766555\n", "assert result == 443322111", sandbox)
    assert values == [["result", ["list", [True, False]]]]
    await sandbox.close()


async def test_true_values_of_any_origin_count_and_forged_objects_do_not(
    counting: Task, factory: SandboxFactory
) -> None:
    reference = str(counting.gold["reference"])
    forged = """
class Mapping(dict):
    def __getitem__(self, key): return Any()
    def keys(self): return list(_true)
class Any(float):
    def __eq__(self, other): return True
    __hash__ = None
"""
    work = [
        (counting, f"{reference}class Own(dict): pass\nresult = Own(result)\n"),
        (counting, f"{reference}_true = dict(result)\n{forged}result = Mapping()\n"),
        (counting, f"{reference}_true = dict(result)\n{forged}result = {{key: Any(0) for key in _true}}\n"),
        (counting, f"{reference}result = dict.fromkeys(result, 5)\n"),
    ]
    assert [reward for reward, _ in await scores(factory, work)] == [1.0, 0.0, 0.0, 0.0]


FOISTED = """
class Zero:
    def __getitem__(self, key): return 0.0
    def __getattr__(self, name): return 0.0
    def now(self): return 0.0
expected = other = np = math = value = Zero()
result = {'a': 0.0}
"""
OWN_NAMES = [
    "expected = {'a': 5}\nassert result['a'] == expected['a']",
    "for other in [[5]]: assert result['a'] == other[0]",
    "import math\nassert result['a'] == math.pi",
    "assert result['a'] == np.pi",
    "assert all(result['a'] == value[0] for value in [[5]])",
]


@pytest.mark.parametrize("tests", OWN_NAMES)
async def test_what_tests_compare_with_cannot_be_foisted_on_them(
    tests: str, counting: Task, factory: SandboxFactory
) -> None:
    task = dataclasses.replace(counting, gold={**counting.gold, "tests": tests})
    right = "result = {'a': 5}" if "5" in tests else "import math\nresult = {'a': math.pi}"
    assert [reward for reward, _ in await scores(factory, [(task, FOISTED), (task, right)])] == [0.0, 1.0]


FORGED = """
import carriage, os
answer = FORGERY
carriage._carried = lambda names, name, *a: dict(answer).get(name, 0)
for name in dict(answer):
    globals()[name] = 0
import sys
frame = sys._getframe()
while 'wanted' not in frame.f_locals:
    frame = frame.f_back
frame.f_locals['wanted'].update({name: [] for name in dict(answer)})
"""
FORGERIES = [
    [["result", ["object", "m", "q", [["result['a']", 0], ["expected['a']", 0]]]]],
    [["result", ["object", "m", "q", [["result['a']", 0], ["abs(result['a'] - expected['a'])", 0]]]]],
    [["result", {"a": 0}], ["abs", ["object", "builtins", "int", []]]],
    [["result", {"a": 0}], ["__builtins__", {"abs": 0}]],
    [["result", ["object"]]],
    [["result", ["object", "builtins", "int", [["result['a']", ["code"]]]]]],
    [["result", ["dict", [["a", ["object", "builtins", "int", []]]]]]],
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=str)
async def test_what_was_not_asked_for_is_not_taken(
    forgery: list[object], counting: Task, factory: SandboxFactory
) -> None:
    tests = "expected = {'a': 5}\nassert abs(result['a'] - expected['a']) < 1"
    task = dataclasses.replace(counting, gold={**counting.gold, "tests": tests})
    raw = f"import os\nos.write(250, b'A' + {json.dumps(forgery).encode()!r} + b'\\n\\x04\\x00')\nos._exit(0)"
    work = [(task, FORGED.replace("FORGERY", repr(forgery))), (task, raw)]
    assert [reward for reward, _ in await scores(factory, work)] == [0.0, 0.0]
    true = 'import os\nos.write(250, b\'A[["result", ["dict", [["a", 5]]]]]\' + b\'\\n\\x04\\x00\')\nos._exit(0)'
    assert await scores(factory, [(task, true)]) == [(1.0, "correct")]  # the channel is open: the value decides


UNUSABLE = {
    "the reference program fails: does_not_run ZeroDivisionError": {"reference": "result = 1 / 0"},
    "the reference program fails: no_result": {"reference": "import os\nos._exit(0)"},
    "the reference program fails its tests: AssertionError": {"reference": "result = {}"},
    "the reference program fails its tests: NameError": {"reference": "results = {}"},
    "its tests pass with a constant": {"tests": "assert len(result) >= 0"},
}


@pytest.mark.parametrize("why", UNUSABLE)
async def test_untrusted_tasks_are_dropped(why: str, counting: Task, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    task = dataclasses.replace(counting, gold={**counting.gold, **UNUSABLE[why]})
    assert (await family.vet(task, sandbox) or "").startswith(why)
    await sandbox.close()


async def test_a_task_whose_history_decides_is_dropped(counting: Task, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    ready = {**counting.inputs, "history": f"{counting.inputs['history']}\n{counting.gold['reference']}"}
    task = dataclasses.replace(counting, inputs=ready)
    assert await family.vet(task, sandbox) == "its tests pass without a program"
    broken = dataclasses.replace(counting, inputs={**counting.inputs, "history": "1 / 0"})
    assert (await family.vet(broken, sandbox) or "").startswith("the reference program fails: does_not_run")
    await sandbox.close()
