"""`python -m medgym_ray.plan` as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medgym_ray import plan
from medgym_ray.config import ModelConfig, SandboxConfig, SimulationConfig
from medgym_ray.errors import ConfigError
from medgym_ray.plan import PlanConfig, PlanTasksConfig
from medgym_ray.tasks.counts import paper_tasks
from medgym_ray.tasks.registry import FAMILIES, make_family
from tests.conftest import REPOSITORY


def _plan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "COLUMNS": "200", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "medgym_ray.plan", *arguments]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False)


def _config(kind: str = "simulated", name: str = "simulated", **fields: Any) -> PlanConfig:
    model = ModelConfig(name=name, kind=kind, path="x" if kind == "vllm" else None, gpus=1.0 if kind == "vllm" else 0.0)
    return PlanConfig(model=model, sandbox=SandboxConfig(kind="namespace"), cpus=2.0, **fields)


def _written(tmp_path: Path, config: PlanConfig) -> Any:
    config.json = str(tmp_path / "plan.json")
    assert plan.run(config) == 0
    return json.loads((tmp_path / "plan.json").read_text())


def test_the_paper_s_collection_on_64_gpus(tmp_path: Path) -> None:
    seen = _plan(tmp_path, "model=qwen7b", "gpus=64", "tasks=all", "rollouts=16", "json=plan.json")
    assert seen.returncode == 0, seen.stderr
    for told in (
        "72,413 tasks × 16",
        "GPU-hours",
        "default: arithmetic of qwen7b on 1 H100",
        "model.max_in_flight=128",
    ):
        assert told in seen.stdout
    assert seen.stdout.splitlines()[-1].startswith("1,158,608 trajectories in ")
    found = json.loads((tmp_path / "plan.json").read_text())
    assert (found["replicas"], found["gpus"], found["executors"], found["sandboxes"]) == (64, 64, 752, 12032)
    assert found["bottleneck"] == "in-flight limit"
    assert found["gpu_hours"] == pytest.approx(64 * found["prediction"]["wall_s"] / 3600)
    assert 0 <= found["prediction"]["gpu_busy"] <= 1
    assert list(tmp_path.iterdir()) == [tmp_path / "plan.json"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["model=qwn7b"], "did you mean 'qwen7b'?"),
        (
            ["from=nowhere", "model=simulated"],
            "nowhere/run.yaml: not there; give the directory of a run",
        ),
    ],
)
def test_what_cannot_be_planned_is_one_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    seen = _plan(tmp_path, *arguments)
    assert seen.returncode == 2
    (line,) = seen.stderr.splitlines()
    assert line.startswith("medgym_ray: ")
    assert told in line
    assert seen.stdout == ""


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (_config(gpus=-1), "gpus=-1: must be 0 or above"),
        (_config(rollouts=0), "rollouts=0: must be above 0"),
        (_config("oracle", "oracle", gpus=8), "model=oracle has no engine; leave out gpus=8"),
        (_config("vllm", "qwen32b", gpus=1), "gpus=1: model=qwen32b takes 2 for one replica"),
        (_config("vllm", "unheard"), "model=unheard: its shape is not known here"),
        (_config(tasks=PlanTasksConfig(split="dev")), "tasks.split=dev: one of auto, train, test"),
        (_config(tasks=PlanTasksConfig(families=["medcalc"])), "no task family called 'medcalc'"),
        (_config(json="/nowhere/plan.json"), "json=/nowhere/plan.json: No such file or directory"),
    ],
)
def test_values_that_cannot_be_meant(config: PlanConfig, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        plan.run(config)
    assert told in str(raised.value)


def test_the_paper_counts_72413_tasks() -> None:
    families = [make_family(name) for name in FAMILIES]
    assert sum(paper_tasks(family, ("train", "test")) for family in families) == 72_413
    assert paper_tasks(make_family("ehrshot"), ["test"]) == 15


def test_tasks_that_are_here_are_counted_as_a_run_would_load_them(tmp_path: Path) -> None:
    found = _written(tmp_path, _config(tasks=PlanTasksConfig(source="sample", families=["npowerai"], limit=5)))
    assert (found["tasks"], found["tasks_source"]) == (5, "read from the bundled sample")


def test_a_simulated_engine_is_planned_with_its_own_numbers(tmp_path: Path) -> None:
    config = _config(tasks=PlanTasksConfig(families=["ehrshot"]), rollouts=4)
    config.model.replicas = 2
    config.model.simulation = SimulationConfig(step_ms=20.0, reply_tokens=100.0)
    found = _written(tmp_path, config)
    assert (found["replicas"], found["gpus"], found["gpu_hours"]) == (2, 0, 0)
    assert found["engine"]["step_ms"] == {"value": 20.0, "source": "model.simulation"}
    assert found["rates"]["reply_tokens"]["value"] == pytest.approx(119.7, abs=0.1)
    assert found["prediction"]["rollouts"] == 15 * 4


def test_every_figure_says_where_it_is_from(tmp_path: Path) -> None:
    found = _written(tmp_path, _config(tasks=PlanTasksConfig(families=["ehrshot"])))
    for figure in [*found["rates"].values(), *found["engine"].values()]:
        assert figure["source"].startswith(("default: ", "model.simulation"))


def test_memory_bounds_the_sandboxes(tmp_path: Path) -> None:
    found = _written(tmp_path, _config(tasks=PlanTasksConfig(families=["npowerai"]), memory_gb=0.24, rollouts=2))
    assert found["sandboxes"] == 8
    assert found["sources"]["sandboxes"] == "memory for 8"
