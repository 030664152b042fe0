"""What can be seen of a real run: its events, its log, and its metrics where Prometheus would look for them."""

import json
import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.metrics import METRICS
from benchmarks.chaos.lab import cluster
from benchmarks.measure.processes import descendants, processes
from medgym_ray.events import ActorFollowed, ActorLost, Event, RunEnded, RunStarted, parse
from tests.cluster.command import generate, rows, start, until_durable

_WITHOUT_AN_ENGINE = {
    "medgym_generated_tokens_total",
    "medgym_prompt_tokens_total",
    "medgym_cached_prompt_tokens_total",
    "medgym_queue_seconds",
}
_SUFFIXES = {"counter": "", "gauge": "", "histogram": "_bucket"}


def _events(run: Path) -> list[Event]:
    return [parse(line) for line in (run / "events.jsonl").read_bytes().splitlines()]


def _names(run: Path) -> list[str]:
    return [event.event for event in _events(run)]


def test_a_run_that_is_interrupted_and_resumed_has_one_account(slow_run: tuple[Path, list[str]]) -> None:
    run, arguments = slow_run
    driver = start(*arguments)
    until_durable(run, 2, driver)
    os.killpg(driver.pid, signal.SIGINT)
    driver.communicate(timeout=120)
    assert _names(run) == ["run_started", "cluster", "stop_asked", "run_ended"]
    assert generate(*arguments).code == 0
    assert _names(run)[4:] == ["run_started", "cluster", "run_ended"]
    first, second = (event for event in _events(run) if isinstance(event, RunEnded))
    assert (first.outcome, second.outcome) == ("interrupted", "finished")
    assert first.done + first.missing == second.done == 24
    started = [event for event in _events(run) if isinstance(event, RunStarted)]
    assert [(event.tasks, event.rollouts, event.durable) for event in started] == [(12, 2, 0), (12, 2, first.done)]
    assert generate(*arguments).code == 0
    assert _names(run)[7:] == ["run_started", "run_ended"], "nothing is left to do: no cluster is needed"


def test_an_executor_that_is_killed_and_its_follower_are_told(slow_run: tuple[Path, list[str]]) -> None:
    run, arguments = slow_run
    driver = start(*arguments)
    until_durable(run, 2, driver)
    (executor,) = (pid for pid in descendants(processes(), [driver.pid]) if "SandboxExecutor" in _command(pid))
    os.kill(executor, signal.SIGKILL)
    _, err = driver.communicate(timeout=200)
    assert driver.returncode == 0, err
    (lost,) = (event for event in _events(run) if isinstance(event, ActorLost))
    (followed,) = (event for event in _events(run) if isinstance(event, ActorFollowed))
    assert (lost.actor, followed.lost, followed.actor) == ("executor-0", "executor-0", "executor-1")
    (logged,) = (json.loads(line) for line in (run / "log.jsonl").read_text().splitlines())
    assert (logged["level"], logged["actor"]) == ("warning", "driver")
    assert logged["message"].startswith("executor-0: ClusterError: ")
    assert len(rows(run)) == 24


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _scraped(port: int) -> dict[str, list[Any]]:
    """The samples of our metrics, by name."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
    except OSError:
        return {}
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("ray_medgym_"):
                found.setdefault(sample.name, []).append(sample)
    return found


@pytest.mark.timeout(400)
def test_prometheus_finds_what_the_documentation_lists(slow_run: tuple[Path, list[str]]) -> None:
    _, arguments = slow_run
    seen: dict[str, list[Any]] = {}
    replicas: set[str] = set()  # one whose actor has ended is not in the last of what is seen
    with cluster(environment={"RAY_metrics_report_interval_ms": "1000"}) as lab:
        driver = start(*arguments, "model.hosted=true", "model.replicas=2", env=lab.variables())
        try:
            while driver.poll() is None:
                seen |= _scraped(lab.nodes[0].metrics)
                in_flight = seen.get("ray_medgym_replica_requests_in_flight", [])
                replicas |= {sample.labels["replica"] for sample in in_flight}
                time.sleep(0.5)
            _, err = driver.communicate(timeout=10)
            seen |= _scraped(lab.nodes[0].metrics)
        finally:
            driver.kill()
    assert driver.returncode == 0, err
    expected = {name: d for name, d in METRICS.items() if name not in _WITHOUT_AN_ENGINE | {"medgym_failures_total"}}
    assert {f"ray_{name}{_SUFFIXES[d.kind]}" for name, d in expected.items()} <= set(seen), sorted(seen)
    for name, declared in expected.items():
        for sample in seen[f"ray_{name}{_SUFFIXES[declared.kind]}"]:
            assert {*declared.tags, "run"} <= set(sample.labels)
            assert len(sample.labels["run"]) == 12
    (trajectories,) = seen["ray_medgym_trajectories_total"]
    assert trajectories.labels["family"] == "npowerai"
    assert 0 < trajectories.value <= 24
    assert replicas == {"replica-0", "replica-1"}
