"""The example of docs/extending.md, from a package of its own, in real commands."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.chaos.lab import cluster
from tests.cluster.command import generate, rows
from tests.conftest import REPOSITORY

RUN = ("tasks=fluids", "+model=rule", "sandbox=strict")


@pytest.fixture(scope="module")
def installed(example_site: Path) -> Mapping[str, str]:
    """The environment of a user who has installed it."""
    return {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(example_site)]), "COLUMNS": "200"}


def command(name: str, *arguments: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    asked = [sys.executable, "-m", f"medgym_ray.{name}", *arguments]
    return subprocess.run(
        asked, cwd=REPOSITORY, env=os.environ | env, capture_output=True, text=True, timeout=200, check=False
    )


@pytest.fixture(scope="module")
def plain_run(installed: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scored by the family alone."""
    run = tmp_path_factory.mktemp("plain") / "run"
    ended = generate(*RUN, "model.replicas=2", f"output.dir={run}", env=installed)
    assert ended.code == 0, ended.err
    return run


def test_family_scorer_policy_and_sandbox_of_a_stranger(installed: Mapping[str, str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    ended = generate(*RUN, "tasks.scorer=close", "sampling.rollouts=2", f"output.dir={run}", env=installed)
    assert ended.code == 0, ended.err
    assert "20 trajectories; success 12/20" in ended.out
    found = rows(run)
    rewards = {row["task_id"].removeprefix("fluids/test-"): row["reward"] for row in found}
    assert rewards == {**dict.fromkeys("123456", 1.0), "7": 0.5, "8": 0.5, "9": 0.0, "10": 0.0}
    for row in found:
        assert (row["family"], row["licence"], row["restricted"]) == ("fluids", "open", False)
        assert (row["model"], row["policy_version"], row["scorer_version"]) == ("rule", "4-2-1", "fluids@1+close@1")
        assert row["success"] == (row["reward"] == 1.0)
        assert row["token_ids"] is None
        assert [turn["replica"] for turn in row["turns"]] == ["replica-0"]
        provenance = json.loads(row["provenance"])
        assert (provenance["kind"], provenance["medgym-example"]) == ("strict", "0.1.0")
        assert row["answer"] not in row["messages"][0]["content"]


def test_a_policy_has_options_and_replicas(installed: Mapping[str, str], plain_run: Path, tmp_path: Path) -> None:
    assert {turn["replica"] for row in rows(plain_run) for turn in row["turns"]} == {"replica-0", "replica-1"}
    run = tmp_path / "run"
    ended = generate(*RUN, "+model.engine.above_20=1", f"output.dir={run}", env=installed)
    assert ended.code == 0, ended.err
    assert all(row["success"] and row["scorer_version"] == "1" for row in rows(run))
    other = generate(*RUN, "+model.engine.above_20=1", "tasks.scorer=close", f"output.dir={run}", env=installed)
    assert other.code == 2
    assert "tasks.scorer" in other.complaint


def test_a_stored_run_is_scored_again_by_another_scorer(
    installed: Mapping[str, str], plain_run: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    ended = command("rescore", f"run={plain_run}", f"output.dir={again}", "tasks.scorer=close", env=installed)
    assert ended.returncode == 0, ended.stderr
    assert "10 trajectories; 2 rewards changed" in ended.stdout
    before, now = ({row["task_id"]: row for row in rows(run)} for run in (plain_run, again))
    assert {task: now[task]["reward"] for task in now if now[task]["reward"] != before[task]["reward"]} == {
        "fluids/test-7": 0.5,
        "fluids/test-8": 0.5,
    }
    assert {row["scorer_version"] for row in now.values()} == {"fluids@1+close@1"}


def test_the_audit_pays_no_cheat_and_says_what_a_scorer_pays_for(installed: Mapping[str, str], tmp_path: Path) -> None:
    ended = command("audit", "tasks=fluids", f"output.dir={tmp_path / 'true'}", env=installed)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (report,) = json.loads((tmp_path / "true" / "audit.json").read_text())["families"]
    assert (report["name"], report["tasks"]) == ("fluids", 10)
    cheats = [case for case in report["cases"] if case["kind"] == "cheat"]
    assert len(cheats) == 6
    assert all(case["reward"] == 0 for case in cheats)
    lenient = command("audit", "tasks=fluids", "tasks.scorer=close", f"output.dir={tmp_path / 'close'}", env=installed)
    assert lenient.returncode == 1
    assert "near miss a little more: must earn nothing, but it earned 0.5" in lenient.stdout


def test_it_is_listed(installed: Mapping[str, str]) -> None:
    for name in ("tasks", "doctor"):
        listed = command(name, env=installed)
        assert listed.returncode == 0, listed.stderr
        assert " fluids " in listed.stdout
        assert " npowerai " in listed.stdout
    planned = command("plan", "model=rule", "tasks=fluids", "sandbox=strict", env=installed)
    assert planned.returncode == 0, planned.stderr
    assert "10 tasks × 1" in planned.stdout


def test_a_node_without_the_package_is_named(installed: Mapping[str, str], tmp_path: Path) -> None:
    with cluster() as lab:
        ended = generate(*RUN, f"output.dir={tmp_path / 'run'}", env={**lab.variables(), **installed})
    assert ended.code == 2
    assert "has no medgym-example, and the run is made with medgym-example 0.1.0: install that on" in ended.complaint
