"""Episodes through Gymnasium, in real sandboxes, beside the same episodes as the stage plays them."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import psutil
import pytest
from gymnasium.error import ClosedEnvironmentError, InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env

import medgym_ray.environment  # noqa: F401 - registers
from medgym_ray.actions import ActionKind
from medgym_ray.config import SandboxConfig
from medgym_ray.environment.registration import environment_id
from medgym_ray.errors import ConfigError, SandboxError, TaskError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.paths import sample_dir
from medgym_ray.stage import Stage
from medgym_ray.tasks.registry import FAMILIES, make_family
from tests.conftest import REPOSITORY
from tests.environment.oracles import gold_replies, sample_tasks, timeless

WRONG = '{"action": "submit", "params": {"answer": "certainly not"}}'
LOOK = '{"action": "code_execution", "params": {"code": "print(6 * 7)"}}'
Stepped = tuple[str, float, bool, bool, dict[str, Any]]


@contextmanager
def made(family: str, **options: Any) -> Iterator[gymnasium.Env[str, str]]:
    environment = gymnasium.make(environment_id(family), **options)
    try:
        yield environment
    finally:
        environment.close()


def play(environment: gymnasium.Env[str, str], task_id: str, replies: list[str]) -> Stepped:
    """Says it all; nothing but the last reply ends the episode."""
    environment.reset(options={"task_id": task_id})
    for reply in replies[:-1]:
        _, reward, terminated, truncated, info = environment.step(reply)
        assert (reward, terminated, truncated) == (0.0, False, False)
        assert "trajectory" not in info
    return environment.step(replies[-1])


def sandbox_processes() -> set[int]:
    """Everything that this process has started."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_every_family_has_an_id_for_one_and_for_many() -> None:
    for family in FAMILIES:
        spec = gymnasium.spec(environment_id(family))
        assert spec.kwargs == {"family": family}
        assert spec.vector_entry_point is not None
    assert sum(name.startswith("medgym/") for name in gymnasium.registry) == len(FAMILIES) == 12


@pytest.mark.parametrize("family", ["medcalcbench", "mimic_iii"])
def test_gymnasium_finds_nothing_to_object_to(family: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with made(family) as environment:
            check_env(environment.unwrapped)


@pytest.mark.parametrize(
    ("family", "spoken"),
    [
        ("biocoder", "code"),
        ("medagentbench", "json"),
        ("medcalcbench", "tools"),
        ("mimic_iii", "json"),
        ("treqs", "code"),
    ],
)
async def test_the_oracle_earns_what_it_earns_on_the_stage(family: str, spoken: str) -> None:
    (task,) = sample_tasks(family, limit=1)
    with made(family, limit=1, agent=spoken) as environment:
        _, reward, terminated, truncated, info = play(environment, task.task_id, gold_replies(task, spoken))
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (info["termination"], info["success"]) == ("success", True)
    ours = make_family(family)
    async with Stage("tests", SandboxConfig(kind="namespace", concurrency=1), sample_dir(), [ours]) as stage:
        staged = await stage.play(task, ours, gold_replies(task))
    if spoken == "json":
        expected = timeless(staged)
        expected["licence"] = info["trajectory"].licence  # the sample's are open
        assert timeless(info["trajectory"]) == expected
    assert (staged.reward, staged.termination) == (reward, info["termination"])


def test_an_episode_turn_by_turn_is_told_as_the_agent_sees_it() -> None:
    with made("medcalcbench", max_turns=4) as environment:
        observation, info = environment.reset(seed=5)
        assert observation == "\n\n".join(message["content"] for message in info["messages"])
        assert [message["role"] for message in info["messages"]] == ["system", "user"]
        observation, reward, *_, info = environment.step("I think it is the liver.")
        assert observation.startswith("[no action was taken] no action found")
        assert reward == 0.0
        observation, _, _, _, info = environment.step(LOOK)
        assert observation == "[ok, exit status 0]\nstdout:\n42"
        assert [message["role"] for message in info["messages"]] == ["system", *["user", "assistant"] * 2, "user"]
        _, reward, terminated, truncated, info = environment.step(WRONG)
        assert (reward, terminated, truncated) == (0.0, True, False)
        assert (info["termination"], info["success"]) == ("wrong", False)
        assert info["trajectory"].num_turns == 3
        with pytest.raises(ResetNeeded):
            environment.step(WRONG)


def test_turns_and_time_that_run_out_truncate() -> None:
    with made("medcalcbench", max_turns=2) as environment:
        environment.reset(seed=1)
        environment.step(LOOK)
        observation, reward, terminated, truncated, info = environment.step(LOOK)
        assert (reward, terminated, truncated, info["termination"]) == (0.0, False, True, "max_turns")
        assert "42" in observation
    with made("medcalcbench", deadline_s=0.3) as environment:
        environment.reset(seed=1)
        time.sleep(0.5)
        _, reward, terminated, truncated, info = environment.step(WRONG)
        assert (reward, terminated, truncated, info["termination"]) == (0.0, False, True, "deadline")
        assert info["trajectory"].num_turns == 0, "the reply came too late"


def test_a_right_program_ends_an_episode_of_the_papers_protocol() -> None:
    (task,) = sample_tasks("medcalcbench", limit=1)
    submitted = (make_family("medcalcbench").oracle(task) or [])[-1]
    reply = JsonObject().render(replace(submitted, kind=ActionKind.CODE_EXECUTION))
    with made("medcalcbench", protocol="paper") as environment:
        _, reward, terminated, _, info = play(environment, task.task_id, [LOOK, reply])
    assert (reward, terminated, info["trajectory"].graded_guesses) == (1.0, True, 2)


def test_a_seed_gives_an_order_in_which_every_task_comes_once() -> None:
    def drawn(environment: gymnasium.Env[str, str], seed: int) -> list[str]:
        first = environment.reset(seed=seed)[1]["task_id"]
        return [first, *(environment.reset()[1]["task_id"] for _ in range(11))]

    with made("npowerai", limit=6) as environment, made("npowerai", limit=6) as other:
        order = drawn(environment, 7)
        assert sorted(order[:6]) == sorted(order[6:]) == sorted(task.task_id for task in sample_tasks("npowerai", 6))
        assert drawn(other, 7) == order == drawn(environment, 7)
        assert drawn(other, 8) != order


def test_two_environments_do_not_disturb_each_other() -> None:
    write = '{"action": "code_execution", "params": {"code": "open(\'mine\', \'w\').write(\'%s\')"}}'
    read = '{"action": "terminal", "params": {"cmd": "cat mine"}}'
    with made("medcalcbench") as one, made("medcalcbench") as other:
        assert one.reset(seed=1)[0] == other.reset(seed=1)[0]
        one.step(write % "first")
        other.step(write % "second")
        assert "first" in one.step(read)[0]
        assert "second" in other.step(read)[0]
        one.close()
        assert other.step(WRONG)[4]["termination"] == "wrong"


def test_an_abandoned_episode_leaves_nothing_and_closing_ends_everything() -> None:
    before, threads = sandbox_processes(), threading.active_count()
    endless = '{"action": "terminal", "params": {"cmd": "sleep 3600 & echo $! > pid; echo begun"}}'
    with made("medcalcbench") as environment:
        environment.reset(seed=1)
        assert "begun" in environment.step(endless)[0]
        environment.reset(seed=2)
        assert "No such file" in environment.step('{"action": "terminal", "params": {"cmd": "cat pid"}}')[0]
        assert not [
            process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", "3600"]
        ]
        assert sandbox_processes() > before
        environment.step(endless)
    assert sandbox_processes() == before
    assert threading.active_count() == threads
    environment.close()
    with pytest.raises(ClosedEnvironmentError):
        environment.reset()


def test_an_environment_that_was_never_reset_can_be_closed_and_cannot_be_stepped() -> None:
    environment = gymnasium.make(environment_id("treqs"), disable_env_checker=True).unwrapped
    with pytest.raises(ResetNeeded):
        environment.step(LOOK)
    environment.close()
    gymnasium.make(environment_id("treqs")).close()


def test_an_environment_that_is_forgotten_ends() -> None:
    before, threads = sandbox_processes(), threading.active_count()
    environment = gymnasium.make(environment_id("medcalcbench"))
    environment.reset(seed=1)
    environment.step(LOOK)
    assert sandbox_processes() > before
    del environment
    gc.collect()
    assert sandbox_processes() == before
    assert threading.active_count() == threads


def test_python_can_end_with_an_environment_open(tmp_path: Path) -> None:
    program = (
        "import gymnasium, psutil\n"
        f"environment = gymnasium.make('medgym_ray.environment:{environment_id('medcalcbench')}')\n"
        "environment.reset(seed=1)\n"
        f"assert '42' in environment.step({LOOK!r})[0]\n"
        "print(*(child.pid for child in psutil.Process().children(recursive=True)))\n"
    )
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    left = [int(pid) for pid in ended.stdout.split()]
    assert left
    while any(psutil.pid_exists(pid) for pid in left):  # until pytest's own time-out
        time.sleep(0.1)


def test_gold_is_nowhere_before_the_end() -> None:
    answers = {task.task_id: str(task.gold) for task in sample_tasks("medcalcbench")}
    with made("medcalcbench") as environment:
        _, info = environment.reset(seed=3)
        seen = [info, environment.step(LOOK)[4]]
    for info in seen:
        assert set(info) == {"task_id", "family", "category", "messages"}
        assert answers[info["task_id"]] not in str(info)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"agent": "xml"}, "agent.format=xml"),
        ({"split": "dev"}, "tasks.split=dev"),
        ({"sandbox": "none"}, "sandbox=none: one of docker, namespace"),
        ({"max_turns": 0}, "agent.max_turns=0"),
        ({"root": "/nowhere"}, "tasks.root=/nowhere: no such directory"),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        gymnasium.make(environment_id("medcalcbench"), **options)


def test_what_cannot_be_done_is_said_and_the_episode_goes_on() -> None:
    with made("medcalcbench") as environment:
        environment.reset(seed=1)
        environment.step(LOOK)
        with pytest.raises(InvalidAction, match="Unicode text"):
            environment.step("\ud800")
        assert "42" in environment.step(LOOK)[0]
        with pytest.raises(TaskError, match="no task 'medcalcbench/none' among the"):
            environment.reset(options={"task_id": "medcalcbench/none"})
        with pytest.raises(ConfigError, match="reset takes no option 'task'"):
            environment.reset(options={"task": "medcalcbench/1"})


def test_a_lost_sandbox_is_raised_and_another_episode_can_begin() -> None:
    with made("medcalcbench") as environment:
        environment.reset(seed=1)
        shared = sandbox_processes()
        environment.step('{"action": "terminal", "params": {"cmd": "touch file"}}')
        for process in sandbox_processes() - shared:
            with suppress(ProcessLookupError):  # ended with one before it
                os.kill(process, signal.SIGKILL)
        with pytest.raises(SandboxError):
            environment.step(LOOK)
        with pytest.raises(ResetNeeded):
            environment.step(LOOK)
        environment.reset(seed=1)
        assert "42" in environment.step(LOOK)[0]
