"""The main job end to end: real Ray actors, real sandboxes, real Parquet, the real command."""

import json
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from datasets import load_dataset

from medgym_ray.store.layout import logs
from medgym_ray.tasks.registry import FAMILIES
from tests.cluster.command import Ended, durable, generate, replay_file, rows, start, until_durable
from tests.conftest import REPOSITORY


def _succeeded(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended


def test_the_oracle_earns_every_reward_of_the_sample_and_datasets_reads_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    ended = _succeeded(generate("tasks=sample", "tasks.limit=3", f"output.dir={run}"))
    assert "the oracle" in ended.err
    last = ended.out.strip().splitlines()[-1]
    assert last.startswith(f"{run}: 36 trajectories; success 36/36 (100.0%)")
    loaded = load_dataset(str(run), cache_dir=str(tmp_path / "cache"))["train"]
    assert Counter(loaded["family"]) == dict.fromkeys(FAMILIES, 3)
    assert set(loaded["success"]) == {True}
    assert set(loaded["termination"]) == {"success"}
    assert len(set(loaded["trajectory_id"])) == 36
    assert not logs(run)

    again = _succeeded(generate("tasks=sample", "tasks.limit=3", f"output.dir={run}"))
    assert "resuming" in again.err
    assert len(rows(run)) == 36

    more = _succeeded(generate("tasks=sample", "tasks.limit=3", "sampling.rollouts=2", f"output.dir={run}"))
    assert "72 trajectories" in more.out
    groups = Counter(row["group_id"] for row in rows(run))
    assert set(groups.values()) == {2}

    other = generate("tasks=sample", "tasks.limit=3", "seed=9", f"output.dir={run}")
    assert other.code == 2
    assert "seed=9 (there: 0)" in other.complaint


@pytest.mark.docker
def test_docker_gives_the_same_rewards(tmp_path: Path) -> None:
    run = tmp_path / "run"
    _succeeded(
        generate("sandbox=docker", "sandbox.concurrency=2", "tasks=sample", "tasks.limit=2", f"output.dir={run}")
    )
    assert {row["success"] for row in rows(run)} == {True}
    provenance = json.loads(rows(run)[0]["provenance"])
    assert provenance["kind"] == "docker"


def test_replayed_agents_are_run_observed_and_graded(tmp_path: Path) -> None:
    replies = replay_file(
        tmp_path / "replies.jsonl",
        "I shall think about it.",
        {"action": "terminal", "params": {"cmd": "echo from-the-shell"}},
        {"action": "code_execution", "params": {"code": "print(6 * 7); answer = -12345"}},
        {"action": "debugging", "params": {"code": "numbers = [1]\nnumbers[5]", "error_msg": "?"}},
        {"action": "submit", "params": {"code": "answer = -12345"}},
    )
    run = tmp_path / "run"
    ended = generate("+model=replay", f"model.path={replies}", "tasks=npowerai", "tasks.limit=2", f"output.dir={run}")
    _succeeded(ended)
    for row in rows(run):
        assert (row["termination"], row["reward"], row["num_turns"]) == ("wrong", 0.0, 5)
        parse, shell, code, debug, submit = row["turns"]
        assert "no action found" in parse["parse_error"]
        assert "from-the-shell" in shell["observation"]
        assert "42" in code["observation"]
        assert code["reward_if_graded"] == 0.0
        assert "IndexError" in debug["observation"]
        assert "numbers = [1]" in debug["observation"]
        assert submit["reward_if_graded"] == 0.0
        assert row["answer"] == "-12345"
        assert row["graded_guesses"] == 1


def test_kill_9_in_mid_run_loses_and_doubles_nothing(slow_run: tuple[Path, list[str]]) -> None:
    run, arguments = slow_run
    driver = start(*arguments)
    until_durable(run, 3, driver)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    acknowledged = durable(run)
    ended = _succeeded(generate(*arguments))
    assert "brought in from the log" in ended.err
    ids = [row["trajectory_id"] for row in rows(run)]
    assert len(ids) == len(set(ids)) == 24
    assert acknowledged <= set(ids)


@pytest.mark.parametrize(
    ("number", "times", "drain_s"), [(signal.SIGINT, 1, 30), (signal.SIGTERM, 1, 0), (signal.SIGINT, 2, 30)]
)
def test_ctrl_c_drains_twice_stops_now_and_the_same_command_goes_on(
    slow_run: tuple[Path, list[str]], number: signal.Signals, times: int, drain_s: int
) -> None:
    run, arguments = slow_run
    driver = start(*arguments, f"cluster.drain_s={drain_s}")
    until_durable(run, 2, driver)
    for _ in range(times):
        if number is signal.SIGINT:
            os.killpg(driver.pid, number)  # a terminal sends it to every process of the command
        else:
            driver.send_signal(number)
        time.sleep(0.2)
    out, err = driver.communicate(timeout=120)
    assert driver.returncode == 130, err
    assert "the same command goes on" in out + err
    assert "Traceback" not in err
    assert not logs(run), "what was acknowledged is in shards"
    assert 2 <= len(rows(run)) < 24
    assert not list((run / "failures").glob("*.parquet")), "an interruption is no failure"
    _succeeded(generate(*arguments))
    assert len({row["trajectory_id"] for row in rows(run)}) == len(rows(run)) == 24


def test_a_broken_record_is_named_and_passed_over(tmp_path: Path) -> None:
    family = tmp_path / "tasks" / "npowerai"
    family.mkdir(parents=True)
    lines = (REPOSITORY / "data" / "npowerai" / "test_tasks.jsonl").read_text().splitlines()[:3]
    (family / "test_tasks.jsonl").write_text("\n".join([lines[0], lines[1][:-20], lines[2]]) + "\n")
    run = tmp_path / "run"
    ended = _succeeded(generate(f"tasks.root={tmp_path / 'tasks'}", "tasks=npowerai", f"output.dir={run}"))
    assert f"{family / 'test_tasks.jsonl'}:2: not JSON" in ended.err
    assert len(rows(run)) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["+model=qwen7b"], r"needs 1 GPU\(s\), the cluster has 0|vLLM, which is not installed"),
        (["sandbox=docker"], r"Docker does not answer"),
        (["cluster.address=127.0.0.1:9"], r"no Ray cluster answers at 127\.0\.0\.1:9"),
    ],
)
def test_what_is_missing_is_one_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "CUDA_VISIBLE_DEVICES": ""}
    ended = generate(*arguments, "tasks=npowerai", "tasks.limit=1", f"output.dir={tmp_path / 'run'}", env=env)
    assert ended.code == 2
    assert re.search(says, ended.complaint), ended.complaint


def test_an_output_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = generate("tasks=npowerai", f"output.dir={tmp_path / 'file' / 'run'}")
    assert ended.code == 2
    assert "cannot write there" in ended.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_multirun_runs_every_job(tmp_path: Path) -> None:
    ended = generate("-m", "seed=1,2", "tasks=npowerai", "tasks.limit=1", f"output.dir={tmp_path}/run-${{seed}}")
    _succeeded(ended)
    assert [len(rows(tmp_path / f"run-{seed}")) for seed in (1, 2)] == [1, 1]
