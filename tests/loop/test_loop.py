"""The whole command, with a real engine and real trainings of a model of a few thousand parameters."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from medgym_ray.loop.__main__ import quoted
from tests.cluster.command import Ended, generate, rows, start
from tests.policies.tiny import write_model

pytestmark = [pytest.mark.vllm, pytest.mark.train, pytest.mark.timeout(900)]

_ENGINE = "model=smollm2,model.path={model},model.max_model_len=2048,agent.format=code,agent.max_turns=3"
_TASKS = "tasks.families=[npowerai],tasks.limit=4,sampling.max_tokens=16,cluster.address=local,cluster.episodes=4"


def _words(model: Path, root: Path) -> list[str]:
    return [
        f"generate=[{_ENGINE.format(model=model)},{_TASKS}]",
        *("practise=[tasks.split=train]", "hold_out=[tasks.split=test]", "rounds=1", "dpo=null"),
        *("export=[split.validation=0]", "train=[optimizer.max_steps=2,length.longer=cut]", f"output.dir={root}"),
    ]


def _steps(root: Path) -> list[str]:
    ledger = root / "loop.jsonl"
    return [json.loads(line)["step"] for line in ledger.read_text().splitlines()] if ledger.exists() else []


def test_a_loop_is_gone_on_with_after_a_kill_and_ends_in_tables(tmp_path: Path) -> None:
    model, root = tmp_path / "model", tmp_path / "loop"
    write_model(model, seed=1)
    killed = start(*_words(model, root), env={"RAY_ADDRESS": ""}, command="medgym_ray.loop")
    deadline = time.monotonic() + 400
    while "demonstrations" not in _steps(root) and time.monotonic() < deadline and killed.poll() is None:
        time.sleep(0.5)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert _steps(root)[:2] == ["base/held-out", "demonstrations"]

    ended = _loop(model, root)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == f"{root}: done. The tables: {root}/evaluation/evaluation.md"
    assert "base/held-out: python" not in ended.err
    assert _steps(root) == [
        *("base/held-out", "demonstrations", "sft/export", "sft/weights", "sft/held-out"),
        *("round-1/practice", "round-1/export", "round-1/weights", "round-1/held-out"),
        *("verifier/export", "verifier/weights", "verifier/base", "verifier/sft", "verifier/round-1", "evaluation"),
    ]
    for name, version in (("base", "0"), ("sft", "sft"), ("round-1", "round-1")):
        assert {row["policy_version"] for row in rows(root / name / "held-out")} == {version}
    practised = rows(root / "round-1" / "practice")
    assert {(row["split"], row["policy_version"]) for row in practised} == {("train", "sft")}
    told = pq.read_table(root / "evaluation" / "evaluation.parquet").to_pylist()
    assert {row["run"] for row in told} == {"base", "sft", "round-1"}
    assert {row["run"] for row in told if row["metric"] == "best@k"} == {"base", "sft", "round-1"}

    again = _loop(model, root)
    assert again.code == 0
    assert again.err == ""


def _loop(model: Path, root: Path) -> Ended:
    return generate(*_words(model, root), env={"RAY_ADDRESS": ""}, command="medgym_ray.loop", timeout=800)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("sft=[a=1, b.c=[d,e],f={g:h,i:j}]", ["a=1", "b.c=[d,e]", "f={g:h,i:j}"]),
        ("sft=['a=1',\"b=2\"]", ["a=1", "b=2"]),
        ("sft=[a='x,y',b=\\w]", ["a='x,y'", "b=\\w"]),
        ("sft=[]", []),
        ("dpo=null", None),
        ("rounds=2", 2),
    ],
)
def test_lists_are_read_word_by_word(typed: str, read: object) -> None:
    (override,) = OverridesParser.create().parse_overrides([quoted(typed)])
    assert override.value() == read


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["generate=[model=oracle]"], "the weights of model=oracle are not here to be trained"),
        (["generate=[model=smollm2,taks=x]"], "generate: no key called 'taks'"),
        (["generate=[model=smollm2]", "train=[lora.r=4]"], "add lora.merge=true"),
        (["generate=[model=smollm2]", "practise=[seed=1]"], "practise: seed=1 is for the loop to say; leave it out"),
        (["generate=[model=smollm2]", "sft=[optimizer.epoch=1]"], "sft: no key called 'optimizer.epoch'"),
        (["generate=[model=smollm2]", "rounds=0", "demonstrations=null"], "there is nothing to learn from"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_door(words: list[str], told: str, tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "medgym_ray.loop", *words, f"output.dir={tmp_path / 'loop'}"]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "loop").exists()
