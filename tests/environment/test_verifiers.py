"""Rollouts as trainers that use `verifiers` make them; only what the model says is made up."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from medgym_ray.config import SandboxConfig
from medgym_ray.paths import sample_dir
from medgym_ray.stage import Stage
from medgym_ray.tasks.registry import make_family
from tests.environment.oracles import gold_replies, sample_tasks

vf = pytest.importorskip("verifiers.v1")

LOOK = '{"action": "code_execution", "params": {"code": "print(6 * 7)"}}'
Speaker = Callable[[list[dict[str, Any]]], str | None]
"""What the model says to a conversation; None: it fails."""


class Model(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint."""

    def __init__(self, says: Speaker) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says = says
        self.heard: list[list[dict[str, Any]]] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Model)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(asked["messages"])
        said = self.server.says(asked["messages"])
        message = {"role": "assistant", "content": said}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
        body["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        content = json.dumps(body).encode()
        self.send_response(200 if said is not None else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def serve() -> Iterator[Callable[[Speaker], Model]]:
    started: list[Model] = []

    def start(says: Speaker) -> Model:
        model = Model(says)
        threading.Thread(target=model.serve_forever, daemon=True).start()
        started.append(model)
        return model

    yield start
    for model in started:
        model.shutdown()
        model.server_close()


def oracle(family: str, *before: str, spoken: str = "json") -> Speaker:
    """Says `before`, and then what the gold program says."""
    replies = {make_family(family).prompt(task): gold_replies(task, spoken) for task in sample_tasks(family)}

    def says(messages: list[dict[str, Any]]) -> str:
        said = sum(message["role"] == "assistant" for message in messages)
        return [*before, *replies[messages[1]["content"]]][said]

    return says


async def rolled_out(model: Model, seat: dict[str, Any] | None = None, **taskset: Any) -> list[Any]:
    """One episode of each task, at once."""
    keys = {"taskset": {"id": "medgym-ray", **taskset}, "agent": seat or {}}
    environment = vf.load_environment(vf.resolve_env_config(keys))
    client = vf.EvalClientConfig(base_url=model.base_url, api_key_var="NO_SUCH_KEY")
    context = vf.ModelContext(model="m", client=client)
    async with environment.serving():
        slots = [slot for task in environment.taskset for slot in environment.slots(task)]
        return [await environment.run_slot(slot, context) for slot in slots]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_SUCH_KEY", "none")


@pytest.mark.parametrize(("family", "spoken"), [("medcalcbench", "json"), ("mimic_iii", "code"), ("treqs", "tools")])
async def test_the_oracle_earns_one(family: str, spoken: str, serve: Callable[[Speaker], Model]) -> None:
    model = serve(oracle(family, "Let me think.", spoken=spoken))
    episodes = await rolled_out(model, family=family, limit=2, agent=spoken)
    assert len(episodes) == 2
    for episode in episodes:
        assert episode.ok, episode.errors
        (trace,) = episode.traces
        assert trace.reward == 1.0
        assert trace.info["termination"] == "success"
        assert trace.metrics["success"] == 1.0
        assert trace.task.key == trace.task.data.id


async def test_the_model_is_told_what_the_agent_of_an_episode_is_told(serve: Callable[[Speaker], Model]) -> None:
    (task,) = sample_tasks("medcalcbench", limit=1)
    family = make_family("medcalcbench")
    model = serve(oracle("medcalcbench", "Let me think.", LOOK))
    (episode,) = await rolled_out(model, family="medcalcbench", limit=1)
    async with Stage("tests", SandboxConfig(kind="namespace", concurrency=1), sample_dir(), [family]) as stage:
        played = await stage.play(task, family, ["Let me think.", LOOK, *gold_replies(task)])
    assert model.heard[-1] == played.messages[: len(model.heard[-1])]
    (trace,) = episode.traces
    assert [m.content for m in trace.branches[-1].messages] == [m["content"] for m in played.messages]
    assert trace.num_turns == played.num_turns


async def test_a_wrong_answer_earns_nothing(serve: Callable[[Speaker], Model]) -> None:
    model = serve(lambda _: '{"action": "submit", "params": {"answer": "certainly not"}}')
    (episode,) = await rolled_out(model, family="medcalcbench", limit=1)
    assert episode.ok
    assert (episode.traces[0].reward, episode.traces[0].info["termination"]) == (0.0, "wrong")


async def test_turns_that_run_out_here_or_there_end_it(serve: Callable[[Speaker], Model]) -> None:
    model = serve(lambda _: LOOK)
    (ours,) = await rolled_out(model, family="medcalcbench", limit=1, max_turns=2)
    (theirs,) = await rolled_out(model, {"max_turns": 3}, family="medcalcbench", limit=1)
    assert (ours.traces[0].info["termination"], ours.traces[0].num_turns) == ("max_turns", 2)
    assert (theirs.traces[0].info["termination"], theirs.traces[0].num_turns) == ("max_tokens", 3)
    assert ours.ok
    assert theirs.ok


async def test_a_model_that_fails_has_no_reward(serve: Callable[[Speaker], Model]) -> None:
    (episode,) = await rolled_out(serve(lambda _: None), family="medcalcbench", limit=1)
    assert not episode.ok
    assert "reward" not in episode.traces[0].rewards


async def test_a_failure_of_ours_has_no_reward(serve: Callable[[Speaker], Model]) -> None:
    model = serve(lambda _: LOOK)
    keys = {"taskset": {"id": "medgym-ray", "family": "medcalcbench", "limit": 1}}
    environment = vf.load_environment(vf.resolve_env_config(keys))
    (task,) = environment.taskset
    context = vf.ModelContext(model="m", client=vf.EvalClientConfig(base_url=model.base_url, api_key_var="NO_SUCH_KEY"))
    async with environment.serving():
        (slot,) = environment.slots(task.with_data(id="medcalcbench/none"))
        episode = await environment.run_slot(slot, context)
    assert not episode.ok
    assert "no task 'medcalcbench/none'" in episode.errors[0].message
    assert not episode.traces
