"""`request_info` in an episode: answered out here from the family's own tables, and recorded like any action."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors.executor import RunPlan, SandboxExecutor
from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import AgentConfig, GenerateConfig, ModelConfig, SandboxConfig, TasksConfig
from medgym_ray.episode import Episode
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.leases import Lease
from medgym_ray.policies.base import Sampling
from medgym_ray.policies.scripted import ScriptedPolicy
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings
from medgym_ray.sandboxes.base import Limits
from medgym_ray.tables import cache
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tasks import registry
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.trajectory import Trajectory

GOLD = "canary-of-the-gold"
TASK = Task("wards/1", "wards", "counts", "test", {}, {"answer": 2, "why": GOLD}, "0" * 64)
WARD = "/data/wards/WARD.csv"


class Wards(Family):
    """How many beds has the intensive care unit? Gold lies beside the table."""

    name, licence, restricted, scorer_version = "wards", "open", False, "1"
    categories, paper_sizes = ("counts",), {"test": 1}
    actions = frozenset({ActionKind.REQUEST_INFO, ActionKind.CODE_EXECUTION, ActionKind.SUBMIT})

    def load(self, root: Path, split: Split, report: LoadReport) -> Any:
        yield TASK

    def tables(self, root: Path) -> Mapping[str, Path]:
        return {WARD: root / "wards" / "WARD.csv"}

    def prompt(self, task: Task) -> str:
        return f"How many beds has the intensive care unit? The table is {WARD}."

    async def score(self, task: Task, submission: Submission, grader: Any) -> Score:
        right = submission.has_answer and submission.answer == task.gold["answer"]
        return Score(float(right), right, "correct" if right else "wrong")

    def oracle(self, task: Task) -> list[Action] | None:
        read = f"import os, pandas\nanswer = int(pandas.read_csv('{WARD}').eval('unit == \"Intensive care\"').sum())"
        listed = "import os\nprint(sorted(os.listdir('/data/wards')))"
        return [
            Action(ActionKind.REQUEST_INFO, {"data_path": WARD, "info_type": "term", "keyterm": "intensiv care"}),
            Action(ActionKind.CODE_EXECUTION, {"code": listed}),
            Action(ActionKind.SUBMIT, {"code": read}),
        ]

    def cheats(self, task: Task) -> list[str]:
        return []


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "cache_dir", lambda: tmp_path / "cache")
    folder = tmp_path / "root" / "wards"
    folder.mkdir(parents=True)
    (folder / "WARD.csv").write_text("bed,unit\n1,Intensive care\n2,Surgery\n3,Intensive care\n")
    (folder / "test_tasks.jsonl").write_text(json.dumps({"answer": 2, "why": GOLD}))
    return tmp_path / "root"


@pytest.fixture
def index(root: Path) -> TableIndex:
    return open_index(Wards().tables(root))


class NoSandbox:
    """An episode that only asks runs no cell."""

    async def put(self, files: Mapping[str, bytes]) -> None:
        assert not files

    async def run(self, cell: Any) -> Any:
        raise AssertionError("request_info ran in the sandbox")


async def _play(index: TableIndex | None, *requests: Mapping[str, Any], limits: Limits | None = None) -> Trajectory:
    replies = [JsonObject().render(Action(ActionKind.REQUEST_INFO, request)) for request in requests]
    episode = Episode(
        TASK,
        Wards(),
        ScriptedPolicy([*replies, JsonObject().render(Action(ActionKind.SUBMIT, {"answer": 2}))], "scripted"),
        NoSandbox(),  # type: ignore[arg-type]
        lambda: contextlib.nullcontext(NoSandbox()),  # type: ignore[arg-type,return-value]
        EpisodeSettings("submit", AgentConfig(max_turns=8), Sampling(), limits or Limits()),
        EpisodeIdentity("t", "run", "g", "0", "c", 0, 0, 0, "m"),
        tables=index,
    )
    trajectory = await episode.run()
    assert trajectory.success
    assert GOLD not in repr(trajectory)
    return trajectory


async def test_an_agent_looks_into_its_tables(index: TableIndex) -> None:
    request = {"data_path": WARD, "info_type": "column_values", "keyterm": "unit"}
    t = await _play(index, {"data_path": "/data/wards", "info_type": "column_names"}, request)
    names, values, _ = t.turns
    assert (names.observation or "").startswith(f"[ok]\n{WARD}: 3 rows, 2 columns\n- bed: integer")
    assert (values.observation or "").endswith('- "Intensive care" (2)\n- "Surgery" (1)')
    assert t.messages[3]["content"] == names.observation
    assert (values.action, json.loads(values.arguments or "")) == ("request_info", request)
    assert (values.status, values.truncated, values.parse_error, values.reward_if_graded) == ("ok", False, None, None)
    assert values.execute_ms > 0
    assert t.execute_ms == names.execute_ms + values.execute_ms
    assert '"request_info"' in t.messages[0]["content"]


async def test_a_wrong_request_is_answered_and_costs_a_turn(index: TableIndex) -> None:
    t = await _play(
        index,
        {"data_path": "/data/wards/WARDS.csv", "info_type": "column_names"},
        {"data_path": WARD, "info_type": "column_values", "keyterm": "units"},
        {"data_path": WARD, "info_type": "term", "keyterm": "\0"},
    )
    wrong_path, wrong_column, odd, _ = t.turns
    assert (wrong_path.status, wrong_path.parse_error) == ("error", None)
    assert f"did you mean {WARD}" in (wrong_path.observation or "")
    assert (wrong_column.observation or "").endswith(f'[error]\nno column "units" in {WARD}; did you mean unit?')
    assert odd.status == "ok"


async def test_what_is_too_long_is_cut_like_the_output_of_a_cell(index: TableIndex) -> None:
    request = {"data_path": WARD, "info_type": "column_names"}
    t = await _play(index, request, limits=Limits(output_bytes=60))
    assert t.turns[0].truncated
    assert (t.turns[0].observation or "").endswith(f"{WARD}: 3 rows, 2 columns\n(output was cut)")


async def test_a_family_without_tables_says_so() -> None:
    t = await _play(None, {"data_path": "/data", "info_type": "column_names"})
    assert (t.turns[0].status, t.turns[0].observation) == ("error", "[error]\nthis task has no data tables")


async def test_an_index_that_is_lost_is_a_failure_of_ours(index: TableIndex) -> None:
    index.close()
    with pytest.raises(TaskError, match="the index of the tables cannot be read"):
        await _play(index, {"data_path": WARD, "info_type": "term", "keyterm": "x"})


class Remote:
    """An actor's methods, called here; what they were given is kept."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self.given: dict[str, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            self.given.setdefault(name, []).append(arguments)
            answer = self._answers.get(name)
            return answer.pop(0) if answer else ([], True) if name == "exchange" else None

        return SimpleNamespace(remote=call)


def _executor(root: Path, families: Sequence[str] | None = None) -> SandboxExecutor:
    config = GenerateConfig(
        model=ModelConfig(name="oracle", kind="oracle"),
        tasks=TasksConfig(root=str(root), families=list(families) if families else None),
        sandbox=SandboxConfig(kind="namespace", concurrency=1, preimport=["pandas"]),
    )
    return SandboxExecutor("executor-0", RunPlan(config, "run", "key", "0", {}), cores=2)


async def test_an_executor_mounts_the_tables_of_its_families_and_nothing_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.FAMILIES, "wards", Wards)
    conductor, writer = Remote(exchange=[([Lease("t", TASK, 0, 0, 1, 1e9)], False)]), Remote(append=[[None]])
    executor = _executor(root)
    await executor.start()
    try:
        await executor.run(conductor, writer, {})
    finally:
        await executor.close()
    assert "fail" not in conductor.given, conductor.given
    (([trajectory],),) = writer.given["append"]
    asked, listed, submitted = trajectory.turns
    assert (trajectory.success, submitted.status) == (True, "ok")
    assert '- "Intensive care" (2 rows, similar)' in asked.observation
    assert "['WARD.csv']" in listed.observation, "what lies beside the table is not in the sandbox"
    assert len(json.loads(trajectory.provenance)["tables"]) == 32


async def test_tables_that_are_broken_or_missing_end_the_run_before_it_starts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.FAMILIES, "wards", Wards)
    (root / "wards" / "WARD.csv").write_text("bed,unit\n1\n")
    with pytest.raises(ConfigError, match=r"^family wards: .*WARD.csv: row 2 has 1 field, the header 2"):
        await _executor(root).start()
    (root / "wards" / "WARD.csv").unlink()
    with pytest.raises(ConfigError, match=r"^family wards: .*WARD.csv: no such file"):
        await _executor(root, families=["wards"]).start()
