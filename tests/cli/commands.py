"""Every command of the project, as pyproject.toml names them, called as the shell would."""

import sys
import tomllib
from importlib.metadata import EntryPoint

import pytest

from tests.conftest import REPOSITORY

SCRIPTS: dict[str, str] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
NAMES = sorted(SCRIPTS)


def exit_code(monkeypatch: pytest.MonkeyPatch, script: str, *arguments: str) -> int:
    """Of the command in this process."""
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(SystemExit) as ended:
        EntryPoint(script, SCRIPTS[script], "console_scripts").load()()
    assert isinstance(ended.value.code, int)
    return ended.value.code
