"""What the documentation tells a reader to type works, or can at least be composed."""

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from medgym_ray import cli
from medgym_ray.loop.__main__ import quoted
from tests.conftest import REPOSITORY
from tests.docs.blocks import PAGES, Block, Typed, Usage, blocks, executed, settings, typed, usages
from tests.docs.spelling import alternatives

_LANGUAGES = {"console", "python", "bash", "text", "toml"}
_TIMEOUT_S = 120
_EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def _name(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if executed(page)], ids=_name)
def test_a_page_does_what_it_says(page: Path, shell: Mapping[str, str]) -> None:
    """In order, in one directory that was empty."""
    for block in executed(page):
        if block.language == "python":
            _ends(block, [sys.executable, "-c", block.text], shell, 0)
        else:
            for line in typed(block):
                _told(block, line, _ends(block, ["bash", "-c", line.command], shell, block.exits))


def _ends(block: Block, command: list[str], shell: Mapping[str, str], code: int) -> str:
    ended = subprocess.run(
        command, env=shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_TIMEOUT_S, check=False
    )
    assert ended.returncode == code, f"{block.where}: {command[-1]}\n{ended.stdout}"
    return ended.stdout


def _told(block: Block, line: Typed, output: str) -> None:
    """Every line that is said to follow does, in this order."""
    said = iter(" ".join(text.split()) for text in output.splitlines())
    for expected in line.output:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in expected.split("…"))
        wanted = re.compile(pattern.replace(".*", r"\s*.*?\s*"))
        assert any(wanted.fullmatch(text) for text in said), f"{block.where}: no line {expected!r} in\n{output}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != REPOSITORY], ids=_name)
def test_every_block_says_what_it_is(page: Path) -> None:
    unnamed = [b.where for b in blocks(page) if b.language not in _LANGUAGES and not b.language.startswith("{")]
    assert not unnamed, f"one of {', '.join(sorted(_LANGUAGES))}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_python_is_python(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            compile(block.text, block.where, "exec")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_what_is_shown_could_be_typed(page: Path) -> None:
    for usage in usages(page):
        for words in alternatives(usage.text):
            problem = _problem([word for word in words if word])
            assert problem is None, f"{usage.where}: {shlex.join(words)}: {problem}"


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_settings_that_are_spoken_of_exist(page: Path) -> None:
    known = _keys()
    for where, word in settings(page):
        key = word.partition("=")[0].lstrip("+")
        assert key in known or any(key.startswith(mapping) for mapping in known if mapping.endswith(".")), (where, word)
        if "…" not in word and "|" not in word:
            OverridesParser.create().parse_overrides([word])


@cache
def _keys() -> frozenset[str]:
    """Of every command; of a mapping, which takes any key, as `NAME.`."""
    from medgym_docs.commands import commands
    from medgym_docs.settings import sections

    keys = [key for command in commands() for section in sections(command) for key in section.keys]
    return frozenset(key.name + ("." if key.type == "mapping" else "") for key in keys)


def test_a_wrong_key_would_be_seen() -> None:
    (words, *_) = alternatives("python -m medgym_ray.generate tasks.limt=N")
    assert "no key called 'tasks.limt'" in str(_problem(words))
    assert _problem(["make", "rum"])
    assert _problem(["pip", "install", "medgym-ray[vlm]"])


def test_a_usage_line_is_taken_apart() -> None:
    usage = Usage("", "python -m m [a=x|y [b=N] | c=[1,2]] 'd=[DIR]'")
    assert [words[3:] for words in alternatives(usage.text)] == [
        ["d=[DIR]"],
        *(["d=[DIR]", word] for word in ("a=x", "a=y", "b=1", "", "c=[1,2]")),
    ]


def _problem(words: list[str]) -> str | None:
    """Why a command cannot be used; None: it can, as far as is known without running it."""
    match words:
        case ["python", "-m", module, *arguments]:
            return _composed(module, arguments)
        case ["make", *targets]:
            make = ["make", "-n", *targets]
            looked = subprocess.run(make, cwd=REPOSITORY, capture_output=True, text=True, check=False)
            return looked.stderr if looked.returncode else None
        case ["pip", "install", *wanted]:
            return _installable(wanted)
        case ["ray", "job", "submit", *submitted]:
            return _problem(submitted[submitted.index("--") + 1 :])
        case _:
            return "nobody here knows this command"


def _composed(module: str, arguments: list[str]) -> str | None:
    from medgym_docs.commands import commands

    if module == "medgym_ray.NAME":
        return None
    command = next((c for c in commands() if c.module in (module, f"{module}.__main__")), None)
    if command is None:
        return None if importlib.util.find_spec(module) else "no such module"
    switches = {f"--{name}": f"{name}=true" for name in command.switches}
    spelled = quoted if command.name == "loop" else str
    overrides = [switches.get(argument, spelled(argument)) for argument in arguments]
    for said, key in (command.aliases or {}).items():
        overrides = [re.sub(rf"^{said}=", f"{key}=", override) for override in overrides]
    if not overrides:
        return None  # the command is spoken of; what it must be told is not
    try:
        cli.composed(command.config_name, command.schema, overrides)
    except cli.ConfigError as error:
        return str(error)
    return None


def _installable(wanted: list[str]) -> str | None:
    for name in wanted:
        extras = re.fullmatch(r"medgym-ray\[([\w,-]+)\]", name)
        if extras and (unknown := set(extras[1].split(",")) - set(_EXTRAS)):
            return f"no extra {unknown}"
        if name.startswith("./") and not (REPOSITORY / name / "pyproject.toml").is_file():
            return f"nothing to install at {name}"
    return None
