"""`python -m medgym_ray.generate` as it is typed: what cannot be used is one line, exit code 2, and leaves nothing."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.cli import quoted
from tests.typed import typed


def _generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed(folder, "generate", *arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["+model=qwn7b", "output.dir=out"], "did you mean 'qwen7b'?); type model=NAME with one of: "),
        (["tasks=medcalc", "output.dir=out"], "did you mean 'medcalcbench'?); type tasks=NAME with one of: "),
        (["cluster.adress=local", "output.dir=out"], "no key called 'cluster.adress' (did you mean 'address'?)"),
        (["+model.pth=x", "output.dir=out"], "no key called 'model.pth' (did you mean 'path'?)"),
        (["output.dir="], "output.dir is empty; give output.dir=VALUE or leave it out"),
        (["seed=abc", "output.dir=out"], "seed=abc: Value 'abc' of type 'str' could not be converted to Integer"),
        (["--tasks.limit=3", "output.dir=out"], "--tasks.limit=3: keys take no dashes; type tasks.limit=3"),
        (["model=replay", "output.dir=out"], "model=replay needs model.path=FILE.jsonl"),
        (["~model", "output.dir=out"], "no value for model.kind, model.name; add model.kind=VALUE"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    ended = _generate(tmp_path, *arguments)
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("medgym_ray: ")
    assert told in line
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("tasks.families=[medcalc]", "no task family called 'medcalc'; one of: "),
        ("tasks.root=nowhere", "tasks.root=nowhere: no such directory"),
    ],
)
def test_tasks_that_are_not_there_leave_nothing_behind(tmp_path: Path, argument: str, told: str) -> None:
    ended = _generate(tmp_path, argument, "output.dir=out")
    assert ended.returncode == 2
    assert told in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["generate --help", "models", "generate --cfg job", "view --version"])
def test_a_reader_who_leaves_is_no_error(tmp_path: Path, line: str) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    module, *arguments = line.split()
    with os.fdopen(writes, "w") as output:
        ended = typed(tmp_path, module, *arguments, output=output)
    assert ended.stderr == ""
    assert ended.returncode not in (0, 120), "120: Python found at its exit that nobody reads"


def test_the_configuration_can_be_looked_at(tmp_path: Path) -> None:
    shown = {m: _generate(tmp_path, *m.split(), "--cfg", "job") for m in ("seed=0", "+model=qwen7b", "model=qwen7b")}
    assert {ended.returncode for ended in shown.values()} == {0}, shown
    configs = {m: yaml.safe_load(ended.stdout) for m, ended in shown.items()}
    assert configs["seed=0"]["model"]["kind"] == "oracle"
    assert configs["model=qwen7b"]["model"]["path"] == "Qwen/Qwen2.5-7B-Instruct"
    assert configs["+model=qwen7b"] == configs["model=qwen7b"]
    assert list(tmp_path.iterdir()) == []


@given(st.text("/ab'\"\\,=[]{}$ ", max_size=12))
def test_a_quoted_word_is_read_as_itself(word: str) -> None:
    (override,) = OverridesParser.create().parse_overrides([f"key=[{quoted(word)}]"])
    assert override.value() == [word]
