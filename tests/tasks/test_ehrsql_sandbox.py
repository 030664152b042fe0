"""mimic_iii and eicu in the real sandbox: oracles and honest formats earn all, near misses and cheats nothing."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tasks.base import LoadReport, Score, Submission, Task
from medgym_ray.tasks.ehrsql import EICU, MimicIII
from medgym_ray.tasks.ehrsql.family import EHRSQL
from medgym_ray.tasks.sql import gold

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = Path(__file__).parents[2] / "data"
FAMILIES: tuple[EHRSQL, ...] = (MimicIII(), EICU())


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Task]]]:
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gold, "cache_dir", lambda: home)
        yield {of.name: list(of.load(SAMPLE, "test", LoadReport())) for of in FAMILIES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    mounts = {inside: path for of in FAMILIES for inside, path in of.tables(SAMPLE).items()}
    factory = make_factory("namespace", slots=1, run_id="tests", mounts=mounts)
    await factory.start()
    yield await factory.create()
    await factory.close()


async def run(sandbox: Sandbox, code: str) -> Submission:
    result = await sandbox.run(Cell(code))
    ran = result.status is CellStatus.OK
    return Submission(result.answer, result.has_answer, code, result.stdout, result.stderr, ran)


async def graded(of: EHRSQL, sandbox: Sandbox, task: Task, code: str) -> Score:
    return await of.score(task, await run(sandbox, code), sandbox)


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
async def test_oracles_earn_everything(of: EHRSQL, sandbox: Sandbox, tasks: dict[str, list[Task]]) -> None:
    for task in tasks[of.name]:
        code = of.oracle(task)[-1].arguments["code"]
        outcome = await graded(of, sandbox, task, code)
        assert (outcome.reward, outcome.reason) == (1.0, "correct"), (task.inputs["question"], outcome)


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
async def test_honest_formats_earn_everything(of: EHRSQL, sandbox: Sandbox, tasks: dict[str, list[Task]]) -> None:
    for task in tasks[of.name][::7]:
        honest = of.honest(task)
        assert len(honest) >= 10
        for name, code in honest.items():
            assert (await graded(of, sandbox, task, code)).success, (name, task.inputs["question"])


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
async def test_near_misses_earn_nothing(of: EHRSQL, sandbox: Sandbox, tasks: dict[str, list[Task]]) -> None:
    for task in tasks[of.name][::5]:
        misses = of.near_misses(task)
        assert misses
        for name, code in misses.items():
            assert (await graded(of, sandbox, task, code)).reward == 0.0, (name, task.inputs["question"])


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
async def test_cheats_earn_nothing(of: EHRSQL, sandbox: Sandbox, tasks: dict[str, list[Task]]) -> None:
    every = tasks[of.name]
    for code in of.cheats(every[0]):
        submission = await run(sandbox, code)
        is_constant = code in {"answer = 0", "answer = 1", "answer = True", "answer = False", "answer = 'yes'"}
        tried = every if is_constant else every[::6]
        paid = [task for task in tried if (await of.score(task, submission, sandbox)).success]
        assert len(paid) <= (0.07 * len(every) if is_constant else 0), code


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
async def test_no_gold_lies_within_reach(of: EHRSQL, sandbox: Sandbox) -> None:
    result = await sandbox.run(Cell(f"import os\nanswer = sorted(os.listdir('/data/{of.name}'))"))
    assert result.answer == sorted(path.removeprefix(f"/data/{of.name}/") for path in of.tables(SAMPLE))
