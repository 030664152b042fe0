"""A real server in the place of ours: what is read comes from it, what is written stays here unless asked otherwise."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.errors import SandboxError, TaskError
from medgym_ray.fhir.proxy import FhirProxy
from medgym_ray.fhir.service import FhirService
from medgym_ray.fhir.store import base_store
from medgym_ray.services import Response
from medgym_ray.tasks.base import LoadReport, Submission
from medgym_ray.tasks.medagentbench import MedAgentBench
from tests.answers import carried
from tests.conftest import REPOSITORY
from tests.fhir.conftest import Client
from tests.fhir.server import ADDRESS, served
from tests.fhir.test_create import READING
from tests.tasks.test_npowerai import NoSandbox


def ask(proxy: FhirProxy, method: str, target: str, body: Any = b"") -> tuple[int, dict[str, Any]]:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = asyncio.run(proxy.handle(method, target, sent))
    return response.status, json.loads(response.body)


def test_reads_come_from_the_server_with_links_to_us(client: Client) -> None:
    with served(client.service) as address:
        proxy = FhirProxy(f"{address}/fhir/")
        status, bundle = ask(proxy, "GET", "/fhir/Observation?patient=A1&code=MG&_count=2&_sort=-date")
        assert (status, bundle["total"]) == (200, 3)
        following = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
        assert following.startswith(f"{ADDRESS}/fhir/Observation?")
        status, bundle = ask(proxy, "GET", following.removeprefix(ADDRESS))
        assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["o3"]
        assert ask(proxy, "GET", "/fhir/Patient/A1")[1]["id"] == "A1"
        assert ask(proxy, "GET", "/fhir/metadata")[1]["resourceType"] == "CapabilityStatement"
        assert ask(proxy, "GET", "/fhir/Patient/C3")[0] == 404
        for target in ("/fhir/../admin", "/fhir/Patient/..", "/fhir@elsewhere/Patient", "//elsewhere/fhir/Patient"):
            assert ask(proxy, "GET", target)[0] == 404, target
        assert ask(proxy, "DELETE", "/fhir/Patient/A1")[0] == 405


def test_creates_stay_with_the_episode(client: Client) -> None:
    with served(client.service) as address:
        proxy, other = FhirProxy(f"{address}/fhir"), FhirProxy(f"{address}/fhir")
        status, created = ask(proxy, "POST", "/fhir/Observation", READING)
        assert status == 201
        assert ask(proxy, "GET", f"/fhir/Observation/{created['id']}") == (200, created)
        assert ask(other, "GET", f"/fhir/Observation/{created['id']}")[0] == 404
        assert proxy.log() == ({"method": "POST", "path": "/fhir/Observation", "resource": created},)
        assert ask(proxy, "POST", "/fhir/Observation", {**READING, "status": "x"})[0] == 422
        stranger = {**READING, "subject": {"reference": "Patient/C3"}}
        assert ask(proxy, "POST", "/fhir/Observation", stranger)[0] == 422
    assert len(proxy.log()) == 1
    assert not other.log()
    assert not client.service.log()


def test_creates_are_passed_on_where_asked(client: Client) -> None:
    with served(client.service) as address:
        proxy = FhirProxy(f"{address}/fhir", forward_writes=True)
        status, created = ask(proxy, "POST", "/fhir/Observation", READING)
        assert status == 201
        assert ask(proxy, "GET", f"/fhir/Observation/{created['id']}")[0] == 200
    assert len(proxy.log()) == len(client.service.log()) == 1


class _Refusing:
    """Reads well, and takes no writes."""

    def __init__(self, inner: Client) -> None:
        self._inner = inner

    async def handle(self, method: str, target: str, body: bytes) -> Response:
        if method == "POST":
            return Response(403, b'{"resourceType":"OperationOutcome"}')
        return await self._inner.service.handle(method, target, body)

    def log(self) -> tuple[()]:
        return ()


def test_what_the_server_refuses_was_not_written(client: Client) -> None:
    with served(_Refusing(client)) as address:
        proxy = FhirProxy(f"{address}/fhir", forward_writes=True)
        assert ask(proxy, "POST", "/fhir/Observation", READING)[0] == 403
    assert not proxy.log()


def test_a_server_that_is_away_is_a_failure_of_ours() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/fhir"
        with pytest.raises(SandboxError, match="does not answer"):
            ask(FhirProxy(address), "GET", "/fhir/Patient")
        with pytest.raises(TaskError, match="does not answer"):
            list(MedAgentBench(fhir_base=address).load(REPOSITORY / "data", "test", LoadReport()))


async def test_the_family_plays_against_a_real_server(tmp_path: Path) -> None:
    root = REPOSITORY / "data"
    (tmp_path / "medagentbench").mkdir()
    lines = (root / "medagentbench" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "medagentbench" / "test_tasks.jsonl").write_text("".join(lines[::5]), encoding="utf-8")
    server = FhirService(base_store(root / "medagentbench" / "fhir.ndjson"))
    plain = [task.gold for task in MedAgentBench().load(root, "test", LoadReport())]
    with served(server) as address:
        family = MedAgentBench(fhir_base=f"{address}/fhir")
        report = LoadReport()
        tasks = list(family.load(tmp_path, "test", report))
        assert report == LoadReport()
        assert [task.gold for task in tasks] == plain[::5]
        for task in tasks[::3]:
            service = family.service(task)
            with served(service) as episode:
                program = family.oracle(task)[-1].arguments["code"]
                answer = await asyncio.to_thread(carried, program.replace(ADDRESS, episode))
            submission = Submission(answer=answer, has_answer=True, writes=tuple(service.log()))
            assert (await family.score(task, submission, NoSandbox())).reason == "correct", task.task_id
    assert not server.log()
