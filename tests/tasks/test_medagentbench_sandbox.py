"""MedAgentBench in the real sandbox, where cells reach the episode's server at its address."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from medgym_ray.errors import SandboxError
from medgym_ray.fhir.proxy import FhirProxy
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.services import Service
from medgym_ray.tasks.base import LoadReport, Score, Submission, Task
from medgym_ray.tasks.medagentbench import MedAgentBench
from tests.conftest import REPOSITORY
from tests.tasks.test_npowerai import NoSandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")
family = MedAgentBench()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    factory = make_factory("namespace", slots=1, run_id="tests")
    await factory.start()
    made = await factory.create()
    yield made
    await made.close()
    await factory.close()


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return list(family.load(REPOSITORY / "data", "test", LoadReport()))


async def played(task: Task, code: str, sandbox: Sandbox, service: Service | None = None) -> Score:
    service = service or family.service(task)
    result = await sandbox.run(Cell(code, service=service))
    submission = Submission(
        result.answer,
        result.has_answer,
        code,
        result.stdout,
        result.stderr,
        ran=result.status is CellStatus.OK,
        writes=tuple(service.log()),
    )
    return await family.score(task, submission, NoSandbox())


async def test_a_conversation_of_every_type_earns_everything(tasks: list[Task], sandbox: Sandbox) -> None:
    for task in tasks[::4]:
        service = family.service(task)
        look, work = family.oracle(task)
        first = await played(task, look.arguments["code"], sandbox, service)
        assert (first.reward, first.reward_paper) in {(0.0, 0.0), (0.0, 1.0)}
        assert (await played(task, work.arguments["code"], sandbox, service)).reason == "correct", task.task_id


async def test_other_clients_are_as_good(tasks: list[Task], sandbox: Sandbox) -> None:
    task = next(task for task in tasks if len(task.gold["orders"]) == 2)
    for name, code in family.honest(task).items():
        if name.startswith(("client", "order", "answer: table")):
            assert (await played(task, code, sandbox)).reason == "correct", name


async def test_cheats_earn_nothing(tasks: list[Task], sandbox: Sandbox) -> None:
    for category in ("patient_lookup", "potassium_replacement"):
        task = next(task for task in tasks if task.category == category)
        for code in family.cheats(task):
            assert (await played(task, code, sandbox)).reward == 0.0, code
        await sandbox.reset()


async def test_the_chart_is_no_file_of_the_sandbox(tasks: list[Task], sandbox: Sandbox) -> None:
    result = await sandbox.run(Cell(next(code for code in family.cheats(tasks[0]) if "os.walk" in code)))
    assert result.answer == []


async def test_a_large_page_arrives_whole(tasks: list[Task], sandbox: Sandbox) -> None:
    code = (
        "import requests\n"
        "bundle = requests.get('http://localhost:8080/fhir/Observation', params={'_count': 5000}).json()\n"
        "answer = [bundle['total'], len(bundle['entry']), len(bundle['link'])]\n"
    )
    result = await sandbox.run(Cell(code, service=family.service(tasks[0])))
    total, page, links = result.answer
    assert (total > page, page, links) == (True, 1000, 2)


async def test_a_real_server_that_is_away_is_a_failure_of_ours(tasks: list[Task]) -> None:
    factory = make_factory("namespace", slots=1, run_id="tests")
    await factory.start()
    sandbox = await factory.create()
    code = family.oracle(tasks[0])[0].arguments["code"]
    with pytest.raises(SandboxError, match="does not answer"):
        await sandbox.run(Cell(code, service=FhirProxy("http://127.0.0.1:9/fhir")))
    await factory.close()
