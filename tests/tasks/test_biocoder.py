"""The BioCoder family against the real sandbox: gold earns 1, and nothing else does."""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import SandboxFactory
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tasks.base import LoadReport, Split, Submission, Task
from medgym_ray.tasks.biocoder import BioCoder, gold
from medgym_ray.tasks.samples.biocoder import build

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPOSITORY = Path(__file__).parents[2]
ORIGINAL = REPOSITORY.parent / "shared" / "original"
SPLITS: tuple[Split, ...] = ("test", "train")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def factory() -> AsyncIterator[SandboxFactory]:
    made = make_factory("namespace", slots=2, run_id="tests")
    await made.start()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    build(folder, 7)
    return folder


@pytest.fixture(scope="module")
def family() -> BioCoder:
    return BioCoder()


def load(root: Path, split: Split) -> list[Task]:
    report = LoadReport()
    tasks = list(BioCoder().load(root, split, report))
    assert report == LoadReport()
    return tasks


async def scores(family: BioCoder, factory: SandboxFactory, work: list[tuple[Task, str]]) -> list[tuple[float, str]]:
    """Grades (task, code) pairs in two sandboxes, in order."""
    results: dict[int, tuple[float, str]] = {}
    queue = list(enumerate(work))

    async def worker() -> None:
        sandbox = await factory.create()
        while queue:
            number, (task, code) = queue.pop(0)
            score = await family.score(task, Submission(code=code), sandbox)
            results[number] = score.reward, score.reason
        await sandbox.close()

    await asyncio.gather(worker(), worker())
    return [results[number] for number in range(len(work))]


def task_from(context: str, solution: str, signature: str = "def f(x)") -> Task:
    return Task(
        "biocoder/own",
        "biocoder",
        "text_tools",
        "test",
        {"problem": "p", "signature": signature, "context": context},
        {"solution": solution, "code": ""},
        hashlib.sha256((context + solution).encode()).hexdigest(),
    )


DRAWN = (
    "import random\n<<insert solution here>>\n"
    "def main():\n    random.seed(1)\n    print('value', f(random.randint(1, 10**6)))\n"
    "if __name__ == '__main__':\n    main()\n"
)
DOUBLE = "def f(x):\n    return 2 * x\n"


async def test_sample_has_all_topics_and_enough_tasks(root: Path) -> None:
    test, train = (load(root, split) for split in SPLITS)
    assert len(test) >= 40
    assert len(train) >= 20
    assert {task.category for task in test} == set(BioCoder.categories)
    assert {task.category for task in train} == set(BioCoder.categories)
    assert not {task.inputs["problem"] for task in test} & {task.inputs["problem"] for task in train}
    for task in test + train:
        assert task.gold["solution"] not in json.dumps(dict(task.inputs))


async def test_gold_of_every_sample_task_is_vetted_and_earns_1(
    root: Path, family: BioCoder, factory: SandboxFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gold, "HIDDEN_CASES", 1)  # instead of 3: half the runs
    tasks = [task for split in SPLITS for task in load(root, split)]
    queue = list(tasks)

    async def worker() -> None:
        sandbox = await factory.create()
        while queue:
            task = queue.pop()
            known = await family.gold(task, sandbox)
            assert not isinstance(known, str), (task.inputs["signature"], known)
            assert len(known.cases) > 1, task.inputs["signature"]
            oracle = family.oracle(task)[-1].arguments
            score = await family.score(task, Submission(code=oracle["code"]), sandbox)
            assert (score.reward, score.success, score.reason) == (1.0, True, "correct"), task.inputs["signature"]
        await sandbox.close()

    await asyncio.gather(worker(), worker())


async def test_cheats_earn_nothing(root: Path, family: BioCoder, factory: SandboxFactory) -> None:
    tasks = [task for split in SPLITS for task in load(root, split)][::6]
    work = [(task, cheat) for task in tasks for cheat in family.cheats(task)]
    for (task, cheat), (reward, reason) in zip(work, await scores(family, factory, work), strict=True):
        assert reward == 0, (task.inputs["signature"], cheat)
        assert reason != "correct"


async def test_honest_variants_earn_everything_and_near_misses_nothing(
    root: Path, family: BioCoder, factory: SandboxFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every task meets a few of either kind, and every kind a few tasks: all of both would take minutes."""
    monkeypatch.setattr(gold, "HIDDEN_CASES", 0)
    right: list[tuple[Task, str]] = []
    wrong: list[tuple[Task, str]] = []
    for number, task in enumerate(task for split in SPLITS for task in load(root, split)):
        honest, missed = list(family.honest(task).values()), list(family.near_misses(task).values())
        assert len(honest) >= 18
        assert len(missed) >= 8
        right += [(task, code) for code in honest[number % 11 :: 11]]
        wrong += [(task, code) for code in missed[number % 11 :: 11]]
    for (task, code), (reward, reason) in zip(right, await scores(BioCoder(), factory, right), strict=True):
        assert (reward, reason) == (1.0, "correct"), (task.inputs["signature"], code)
    for (task, code), (reward, _) in zip(wrong, await scores(BioCoder(), factory, wrong), strict=True):
        assert reward == 0.0, (task.inputs["signature"], code)


ATTACKS = {
    "constant of the visible case": ("def f(x):\n    return {visible}\n", "output_differs_hidden"),
    "prints the visible output and leaves": (
        "import os\ndef f(x):\n    print('value', {visible}, flush=True)\n    os._exit(0)\n",
        "did_not_finish",
    ),
    "sys.exit(0)": ("import sys\nprint('value', {visible})\nsys.exit(0)\ndef f(x): pass\n", "did_not_finish"),
    "forged end": (
        "import os, sys\ndef f(x):\n    frame = sys._getframe()\n"
        "    while not isinstance(frame.f_locals.get('nonce'), bytes):\n        frame = frame.f_back\n"
        "    os.write(1, b'value {visible}\\n' + frame.f_locals['nonce'])\n    os._exit(0)\n",
        "output_differs_hidden",
    ),
    "text after the end": (
        "import atexit\natexit.register(lambda: print('more', flush=True))\ndef f(x):\n    return 2 * x\n",
        "did_not_finish",
    ),
    "seeds that do nothing": (
        "import random\nrandom.seed(1)\ndraw = random.randint(1, 10**6)\nrandom.randint = lambda a, b: draw\n"
        "def f(x):\n    return 2 * draw\n",
        "output_differs_hidden",
    ),
    "another stdout": ("import io, sys\nsys.stdout = io.StringIO()\ndef f(x):\n    return 2 * x\n", "output_differs"),
    "a hundred megabytes": ("print('x' * 10**6 * 100)\ndef f(x):\n    return 2 * x\n", "does_not_run"),
    "a syntax error": ("def f(x):\n    return (2 * x\n", "does_not_run"),
    "a text that is no text": ("def f(x):\n    return '\ud800'\n", "does_not_run"),
    "another function": ("def g(x):\n    return 2 * x\n", "no_code"),
    "the true function": (DOUBLE, "correct"),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_attacks(name: str, family: BioCoder, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    task = task_from(DRAWN, DOUBLE)
    known = await family.gold(task, sandbox)
    assert not isinstance(known, str)
    visible = known.cases[0].output.split()[-1]
    code, reason = ATTACKS[name]
    score = await family.score(task, Submission(code=code.replace("{visible}", visible)), sandbox)
    assert score.reason == reason
    assert score.reward == float(reason == "correct")
    await sandbox.close()


async def test_forms_of_a_right_submission(family: BioCoder, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    task = task_from(DRAWN, DOUBLE)
    right = [
        Submission(
            code="    from __future__ import annotations\n    def f(x: Nowhere) -> Nothing:\n        return x + x\n"
        ),
        Submission(
            code="import math\nTWO = math.floor(2.5)\ndef g(x):\n    return x * TWO\ndef f(x):\n    return g(x)\n"
        ),
        Submission(code="f = lambda x: float(2 * x)"),
        Submission(answer=DOUBLE, has_answer=True),
    ]
    for submission in right:
        assert (await family.score(task, submission, sandbox)).reason == "correct", submission
    for nothing in (
        Submission(),
        Submission(answer=3, has_answer=True),
        Submission(code=" ", answer="", has_answer=True),
    ):
        assert (await family.score(task, nothing, sandbox)).reason == "no_code"
    inside = task_from(
        DRAWN.replace("<<insert", "class Doubler:\n    <<insert").replace("f(random", "Doubler().f(random"),
        "def f(self, x):\n    return 2 * x\n",
        "def f(self, x)",
    )
    method = "import math\ndef f(self, x):\n    '''two\nlines'''\n    return math.prod([2, x])\n"
    assert (await family.score(inside, Submission(code=method), sandbox)).reason == "correct"
    await sandbox.close()


BAD_GOLD = {
    "gold does not run: ModuleNotFoundError": "import no_such_module\n" + DRAWN,
    "gold is not deterministic": DRAWN.replace("random.seed(1)", "random.seed()"),
    "gold prints nothing": DRAWN.replace("print(", "("),
    "its program prints the same with a function that returns nothing": DRAWN,
    "its program prints the same with no function": DRAWN.replace("f(random", "(random"),
    "gold does not run: ended before its end": DRAWN + "raise SystemExit(0)\n",
}


@pytest.mark.parametrize("reason", BAD_GOLD)
async def test_untrusted_gold_is_dropped(reason: str, family: BioCoder, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    solution = "def f(x):\n    x + 1\n" if "returns nothing" in reason else DOUBLE
    task = task_from(BAD_GOLD[reason], solution)
    assert (await family.vet(task, sandbox) or "").startswith(reason)
    if reason.startswith("gold"):
        with pytest.raises(TaskError, match="gold"):
            await family.score(task, Submission(code=DOUBLE), sandbox)
    await sandbox.close()


async def test_unseeded_input_is_made_deterministic(family: BioCoder, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    task = task_from(DRAWN.replace("random.seed(1)", "pass"), DOUBLE)
    assert await family.vet(task, sandbox) is None
    known = await family.gold(task, sandbox)
    assert not isinstance(known, str)
    assert len(known.cases) == 4
    # A gold function that draws by itself is not: the order of its draws would decide.
    drawing = task_from(task.inputs["context"], "def f(x):\n    return random.random()\n")
    assert (await family.vet(drawing, sandbox) or "").startswith("gold is not deterministic")
    await sandbox.close()


async def test_paper_rule_compares_the_whole_programs_output(family: BioCoder, factory: SandboxFactory) -> None:
    sandbox = await factory.create()
    context = DRAWN
    task = task_from(context, DOUBLE)
    task = Task(
        task.task_id,
        task.family,
        task.category,
        task.split,
        task.inputs,
        {"solution": DOUBLE, "code": context.replace("<<insert solution here>>", DOUBLE)},
        "paper",
    )
    known = await family.gold(task, sandbox)
    assert not isinstance(known, str)
    assert known.paper is not None
    printed = Submission(code="pass", stdout=known.paper)
    assert (await family.score(task, printed, sandbox)).reward_paper == 1.0
    assert (await family.score(task, printed, sandbox)).reward == 0.0
    assert (await family.score(task, Submission(code=DOUBLE), sandbox)).reward_paper == 0.0
    await sandbox.close()


@pytest.mark.original
@pytest.mark.timeout(900)
async def test_gold_of_every_fourth_original_record(
    factory: SandboxFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them take minutes: `python -m medgym_ray.audit tasks=biocoder tasks.root=…` looks at each."""
    if not (ORIGINAL / "biocoder" / "test_tasks.jsonl").exists():
        pytest.skip("the original's records do not lie beside the checkout")
    family, tasks = BioCoder(), load(ORIGINAL, "test")[::4]
    queue, dropped, hidden = list(tasks), {}, 0

    async def worker() -> None:
        nonlocal hidden
        sandbox = await factory.create()
        while queue:
            task = queue.pop()
            why = await family.vet(task, sandbox)
            if why is None:
                code = family.oracle(task)[-1].arguments["code"]
                score = await family.score(task, Submission(code=code), sandbox)
                assert score.reward == 1.0, task.task_id
                known = await family.gold(task, sandbox)
                hidden += not isinstance(known, str) and len(known.cases) > 1
            else:
                dropped[task.task_id] = why
        await sandbox.close()

    await asyncio.gather(worker(), worker())
    lines = [f"{task_id}: {why}" for task_id, why in dropped.items()]
    lines.append(f"{len(tasks) - len(dropped)} of {len(tasks)} usable, {hidden} with hidden cases")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert len(dropped) <= 0.1 * len(tasks)
