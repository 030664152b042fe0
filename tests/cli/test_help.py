"""Every command says how it is used, which version it is, and in one line what was mistyped."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

import medgym_ray
from tests.cli.commands import NAMES, SCRIPTS, exit_code
from tests.conftest import REPOSITORY


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _module(script: str) -> str:
    return SCRIPTS[script].partition(":")[0].removesuffix(".__main__")


def test_every_module_that_is_a_command_is_a_script_of_its_name() -> None:
    sources = [*(REPOSITORY / "medgym_ray").glob("*.py"), *(REPOSITORY / "medgym_ray").glob("*/__main__.py")]
    called = {name for source in sources for name in re.findall(r'cli\.main\(\s*"(\w+)"', source.read_text())}
    assert {f"medgym-{name}" for name in called} == set(NAMES)
    assert {f"medgym-{_module(script).removeprefix('medgym_ray.')}" for script in NAMES} == set(NAMES)
    assert {path.stem for path in (REPOSITORY / "conf").glob("*.yaml")} == called


@pytest.mark.parametrize("script", NAMES)
def test_help_has_usage_examples_keys_and_exit_codes(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, script, "--help") == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert told.out.startswith(f"python -m {_module(script)}")
    assert "hydra" not in told.out.lower()
    assert max(map(len, told.out.splitlines())) <= 140
    for heading in ("Examples", "Keys and their defaults", "Flags", "Exit codes"):
        assert f"\n{heading}" in told.out
    usage = re.sub(r"=\[[^\]]*\]", "=LIST", told.out.partition("\n\n")[0])
    for key in re.findall(r"(?<![\w.])([a-z_]+(?:\.[a-z_]+)*)=(?=[A-Z])", usage):
        groups = re.findall(r"^  (\w+) ", told.out, re.MULTILINE)
        assert f" {key}=" in told.out.partition("Keys and their defaults")[2] or key in groups, key


@pytest.mark.parametrize("script", NAMES)
def test_the_examples_of_help_can_be_typed(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code(monkeypatch, script, "--help")
    examples = re.findall(rf"^  python -m {_module(script)}(?: (.*))?$", capsys.readouterr().out, re.MULTILINE)
    assert examples
    for example in examples:
        words = [word for word in shlex.split(example) if word != "--clean"]
        assert exit_code(monkeypatch, script, *words, "--cfg", "job") == 0, example
        assert yaml.safe_load(capsys.readouterr().out), example


@pytest.mark.parametrize("script", NAMES)
def test_version_is_ours(script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, script, "--version") == 0
    assert capsys.readouterr().out == f"medgym-ray {medgym_ray.__version__}\n"


@pytest.mark.parametrize("script", NAMES)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuchkey=1"], "no key called 'nosuchkey'"),
        (["--hlep"], "no flag called '--hlep' (did you mean '--help'?)"),
        (["-x"], "no flag called '-x'; --help lists them"),
        (["word"], "'word' is not KEY=VALUE; --help lists the keys"),
        (["[a"], "cannot be read as KEY=VALUE"),
        (["nosuchgroup=[a"], "cannot be read as KEY=VALUE"),
        (["--cfg", "jbo"], "--cfg/-c: invalid choice: 'jbo'"),
        (["--shell-completion", "install=tcsh"], "type --shell-completion install=SHELL with one of: bash, zsh, fish"),
    ],
    ids=" ".join,
)
def test_what_is_mistyped_is_one_line(
    script: str,
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = ["recipe=sft"] if script == "medgym-train" and "=" in arguments[0] else []
    assert exit_code(monkeypatch, script, *chosen, *arguments) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert line.startswith("medgym_ray: ")
    assert told in line
    assert shown.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "arguments", "told"),
    [
        ("medgym-view", [], "no value for run; add run=VALUE"),
        ("medgym-view", ["runn=x"], "no key called 'runn' (did you mean 'run'?)"),
        ("medgym-view", ["--sreve"], "no flag called '--sreve' (did you mean '--serve'?)"),
        ("medgym-view", ["run"], "'run' is not KEY=VALUE (did you mean 'run'?)"),
        ("medgym-train", [], "no value for recipe; add recipe=NAME with one of: dpo, grpo, sft, verifier"),
        ("medgym-train", ["recipe=sfft"], "no recipe called 'sfft' (did you mean 'sft'?)"),
        ("medgym-export", ["sandbox=docker"], "no key called 'sandbox' in this command; --help lists its keys"),
        ("medgym-plan", ["--from=x"], "--from=x: keys take no dashes; type from=x"),
    ],
)
def test_what_one_command_wants(
    script: str, arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, script, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_help_shows_what_overrides_make_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "medgym-train", "recipe=dpo", "--help", "seed=3") == 0
    told = capsys.readouterr().out
    assert "recipe=dpo" in told
    assert "seed=3" in told
    assert exit_code(monkeypatch, "medgym-view", "--help") == 0
    assert "  output=null" in capsys.readouterr().out, "as it is typed, not as the field is called"
