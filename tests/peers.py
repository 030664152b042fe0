"""Packages of others that tests drive, each set in an environment of its own: their needs contradict ours."""

from pathlib import Path

import pytest

from benchmarks.measure.environments import is_there, python_with
from tests.conftest import lacking, required

AGENTS = "mini-swe-agent==2.4.6", "smolagents[openai]==1.26.0"
VERIFIERS = "verifiers==0.4.0", "antlr4-python3-runtime==4.9.*"
"""And what it would have in a version that Hydra does not take."""

TRAINERS = (
    *("--no-deps", "verl==0.9.1", "skyrl==0.3.0"),
    *("codetiming==1.4.0", "loguru==0.7.3", "pyvers==0.2.3", "tensordict==0.10.0", "torchdata==0.11.0"),
)
"""What their loaders of prompts import, but for torch, transformers and Ray: both want older ones than ours."""


@pytest.fixture(scope="session")
def agents_python() -> Path:
    """An interpreter that has the two agents."""
    return _python("peers-agents", AGENTS)


@pytest.fixture(scope="session")
def verifiers_python() -> Path:
    """One that has verifiers, and our packages beside it."""
    return _python("peers-verifiers", VERIFIERS, beside_ours=True)


@pytest.fixture(scope="session")
def trainers_python() -> Path:
    """One that has verl and SkyRL as far as they read files, and our packages beside them."""
    return _python("peers-trainers", TRAINERS, beside_ours=True)


def _python(name: str, requirements: tuple[str, ...], *, beside_ours: bool = False) -> Path:
    if not (required("peers") or is_there(name, requirements)):
        lacking("peers", f"{', '.join(requirements)}: not installed yet (MEDGYM_REQUIRE=peers does it)")
    return python_with(name, requirements, beside_ours=beside_ours)
