"""EHRCon in the real sandbox: the oracle earns everything, honest spellings too, near misses and cheats nothing."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.actions import ActionKind
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tables.families import FamilyTables
from medgym_ray.tables.requests import answer as look_up
from medgym_ray.tasks.base import LoadReport, Score, Submission, Task
from medgym_ray.tasks.ehrcon import EHRCon
from medgym_ray.tasks.ehrcon.schema import EVENT_TABLES

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = Path(__file__).parents[2] / "data"

family = EHRCon()


def load() -> list[Task]:
    return [task for split in ("test", "train") for task in family.load(SAMPLE, split, LoadReport())]


def one_of_each() -> list[Task]:
    """A task for each table and verdict."""
    return list({(task.gold["evidence"]["table"], task.gold["has_error"]): task for task in load()}.values())


def one_for_each_table() -> list[Task]:
    """Half of them wrong."""
    chosen = {task.gold["evidence"]["table"]: task for task in one_of_each() if task.gold["has_error"]}
    rest = {task.gold["evidence"]["table"]: task for task in one_of_each() if not task.gold["has_error"]}
    return [(chosen, rest)[number % 2][table] for number, table in enumerate(EVENT_TABLES)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    factory = make_factory("namespace", slots=1, run_id="tests", mounts=family.tables(SAMPLE))
    await factory.start()
    made = await factory.create()
    yield made
    await factory.close()


async def graded(sandbox: Sandbox, task: Task, code: str) -> Score:
    result = await sandbox.run(Cell(code))
    ran = result.status is CellStatus.OK
    submission = Submission(result.answer, result.has_answer, code, result.stdout, result.stderr, ran)
    return await family.score(task, submission, sandbox)


async def test_the_oracle_earns_everything(sandbox: Sandbox) -> None:
    for task in load():
        _, look, last = family.oracle(task) or []
        assert last.kind is ActionKind.SUBMIT
        outcome = await graded(sandbox, task, last.arguments["code"])
        assert (outcome.reward, outcome.reason) == (1.0, "correct"), (task.inputs, outcome)
    seen = await sandbox.run(Cell(look.arguments["code"]))
    assert all(f"'ROW_ID': {row}" in seen.stdout for row in task.gold["evidence"]["rows"])


async def test_evidence_that_the_tables_do_not_give_is_no_task(sandbox: Sandbox) -> None:
    task = one_of_each()[0]
    assert await family.vet(task, sandbox) is None
    evidence = {**task.gold["evidence"], "rows": [1]}
    for gold, why in (
        ({**task.gold, "evidence": evidence}, "wrong_rows"),
        ({**task.gold, "evidence": {**evidence, "name": "Nothing"}}, "did_not_run"),
    ):
        changed = dataclasses.replace(task, gold=gold)
        assert await family.vet(changed, sandbox) == f"its evidence does not follow from the tables: {why}"
    bare = dataclasses.replace(task, gold={**task.gold, "evidence": None})
    assert await family.vet(bare, sandbox) is None


async def test_the_oracle_finds_what_it_looks_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tables = FamilyTables(SAMPLE, [family])
    for task in one_of_each():
        actions = family.oracle(task)
        assert actions is not None
        reply = look_up(tables.index(family), actions[0].arguments, 10_000)
        assert reply.ok
        assert task.gold["evidence"]["name"].casefold() in reply.text.casefold()
        assert "not found" not in reply.text
    tables.close()


async def test_honest_spellings_earn_everything(sandbox: Sandbox) -> None:
    for task in one_for_each_table():
        variants = family.honest(task)
        assert len(variants) >= 25
        for name, code in variants.items():
            outcome = await graded(sandbox, task, code)
            assert outcome.reason == "correct", (name, code, outcome)


async def test_honest_verdicts_earn_everything(sandbox: Sandbox) -> None:
    for task in one_of_each()[:2]:
        inputs, gold = {**task.inputs, "asks_evidence": False}, {**task.gold, "evidence": None}
        bare = dataclasses.replace(task, inputs=inputs, gold=gold)
        for name, code in family.honest(bare).items():
            assert (await graded(sandbox, bare, code)).reason == "correct", name
        for name, code in family.near_misses(bare).items():
            assert (await graded(sandbox, bare, code)).reward == 0, name


async def test_near_misses_earn_nothing(sandbox: Sandbox) -> None:
    for task in one_for_each_table():
        for name, code in family.near_misses(task).items():
            outcome = await graded(sandbox, task, code)
            assert (outcome.reward, outcome.success) == (0.0, False), (name, code)
            assert outcome.reason not in {"did_not_run", "no_answer"}, (name, code)


async def test_cheats_earn_nothing(sandbox: Sandbox) -> None:
    for task in one_for_each_table()[:4]:
        for code in family.cheats(task):
            assert (await graded(sandbox, task, code)).reward == 0, code
