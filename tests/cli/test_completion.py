"""What can be typed next, asked of the commands and, where they are installed, of the shells themselves."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.commands import NAMES, SCRIPTS, exit_code
from tests.conftest import REPOSITORY, lacking

Ask = Callable[[str], list[str]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """The suggestions for a command line, in a folder that holds `runs/a`, `runs/b c` and `note.md`."""
    for name in ("runs/a", "runs/b c", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "note.md").touch()
    monkeypatch.chdir(tmp_path)

    def asked(line: str) -> list[str]:
        monkeypatch.setenv("COMP_LINE", line)
        assert exit_code(monkeypatch, line.split()[0], "--shell-completion", "query=bash") == 0
        return capsys.readouterr().out.splitlines()

    return asked


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("medgym-generate mod", ["model.", "model="]),
        ("medgym-generate model=llama", ["model=llama70b", "model=llama8b"]),
        ("medgym-generate +model=llama", ["+model=llama70b", "+model=llama8b"]),
        ("medgym-generate model=qwen7b sampling.bu", ["sampling.budget_gpu_s=", "sampling.budget_rollouts="]),
        ("medgym-generate agent.format=", ["agent.format=json"]),
        ("medgym-generate tasks.fam", ["tasks.families="]),
        ("medgym-generate tasks.limit=", []),
        ("medgym-generate nosuch=1 mod", []),
        ("medgym-generate rec", []),
        ("medgym-view ru", ["run="]),
        ("medgym-view run=", ["run=note.md", "run=runs/"]),
        ("medgym-view run=runs/", ["run=runs/a/", "run=runs/b c/"]),
        ("medgym-view run=nowhere/", []),
        ("medgym-view out", ["output="]),
        ("medgym-view output=n", ["output=note.md"]),
        ("medgym-view --s", ["--serve"]),
        ("medgym-plan fr", ["from="]),
        ("medgym-train recipe=d", ["recipe=dpo"]),
        ("medgym-train optimizer.l", ["optimizer.learning_rate="]),
        ("medgym-train 'open", []),
    ],
)
def test_what_may_be_typed_next(line: str, wanted: list[str], ask: Ask) -> None:
    assert ask(line) == wanted


@pytest.mark.parametrize("script", NAMES)
def test_every_command_tells_its_own_keys_alone(
    script: str, ask: Ask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ask(f"{script} ")
    assert told
    assert exit_code(monkeypatch, script, "--help") == 0
    keys = capsys.readouterr().out
    for setting in told:
        assert f"  {setting}" in keys or f"  {setting.rstrip('=')} " in keys or f"{setting[:-1]}." in keys, setting


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with the console scripts, as an installer would write them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, target in SCRIPTS.items():
        module, _, function = target.partition(":")
        path = folder / name
        path.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
        path.chmod(0o755)
    return folder


def _shell(scripts: Path, shell: str, program: str) -> str:
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "HOME": str(scripts)}
    quiet = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    ended = subprocess.run(
        [shell, *quiet, "-c", program],
        cwd=scripts.parent,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout


_BASH = """
eval "$(medgym-models --shell-completion install=bash)"
complete -p medgym-generate medgym-tasks >/dev/null
tab() {  # as readline calls it, the words broken at = as it breaks them
    COMP_LINE=$1 COMP_POINT=${#1}
    read -ra COMP_WORDS <<<"${1//=/ = }"
    [[ $1 == *[=\\ ] ]] && [[ $1 != *= ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _medgym_complete
    printf '<%s>' "${COMPREPLY[@]}"
    echo
}
"""


def test_bash_completes(scripts: Path) -> None:
    lines = ["medgym-generate model=llama", "medgym-generate sampling.bu", "medgym-tasks --c", "medgym-view run=bi"]
    told = _shell(scripts, "bash", _BASH + "\n".join(f"tab {shlex.quote(line)}" for line in lines))
    assert told.splitlines() == [
        "<llama70b><llama8b>",
        "<sampling.budget_gpu_s=><sampling.budget_rollouts=>",
        "<--cfg><--categories>",
        "<bin/>",
    ]


def test_bash_types_the_rest_of_a_word_on_tab(scripts: Path) -> None:
    """A real readline at a terminal."""
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "TERM": "dumb"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=scripts.parent,
        start_new_session=True,
    ) as shell:
        os.close(theirs)
        try:
            os.write(ours, b'eval "$(medgym-models --shell-completion install=bash)"; echo rea""dy\n')
            _read_until(ours, b"ready\r\n")
            os.write(ours, b"medgym-generate sandbox=doc\tcluster.addr\tlocal\x01echo told: \n")
            told = _read_until(ours, b"\ntold: medgym-generate sandbox=docker cluster.address=local\r\n")
            assert b"rror" not in told
        finally:
            shell.kill()
            os.close(ours)


def _read_until(terminal: int, wanted: bytes) -> bytes:
    told = b""
    while wanted not in told:
        assert select.select([terminal], [], [], 60)[0], told
        told += os.read(terminal, 4096)
    return told


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_scripts(shell: str, scripts: Path) -> None:
    if shutil.which(shell) is None:
        lacking("shells", f"{shell} is not installed")
    script = subprocess.run(
        [scripts / "medgym-view", "--shell-completion", f"install={shell}"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if shell == "fish":
        told = _shell(scripts, "fish", f"{script}\ncomplete -C 'medgym-generate model=llama'")
        assert sorted(told.split()) == ["model=llama70b", "model=llama8b"]
    else:
        told = _shell(scripts, "zsh", f"{script}\nprint -r -- $_comps[medgym-generate]")
        assert told.split() == ["_medgym_complete"]
