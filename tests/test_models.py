"""The models that have a configuration: what a replica of each is given holds it."""

import subprocess
import sys

import pytest

from medgym_ray.config import GenerateConfig, ModelConfig, SandboxConfig
from medgym_ray.errors import ConfigError
from medgym_ray.models import ModelsConfig, configured_models, run
from medgym_ray.policies.shapes import SHAPES, ranks_of
from medgym_ray.validation import validate
from tests.conftest import REPOSITORY

MODELS = {model.name: model for model in configured_models()}


def test_every_model_has_a_shape_and_every_shape_a_model() -> None:
    assert {name for name, model in MODELS.items() if model.gpus} == set(SHAPES)


@pytest.mark.parametrize("model", MODELS.values(), ids=str)
def test_a_model_is_named_as_its_file_and_can_be_run(model: ModelConfig) -> None:
    assert (REPOSITORY / "conf" / "model" / f"{model.name}.yaml").is_file()
    validate(GenerateConfig(model=model, sandbox=SandboxConfig(kind="namespace")))
    if model.gpus:
        assert ranks_of(model) == model.tensor_parallel_size, "the GPUs it is given hold it, and none too many"


def _table(capsys: pytest.CaptureFixture[str], gpu_gb: float) -> dict[str, list[str]]:
    assert run(ModelsConfig(gpu_gb)) == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def test_the_table_names_gpus_and_what_does_not_fit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    large = _table(capsys, 80.0)
    assert large["qwen7b"] == ["7.6", "15", "57", "32,768", "1", "0.95", "Qwen/Qwen2.5-7B-Instruct"]
    assert large["llama70b"][:5] == ["70.5", "141", "328", "32,768", "4"]
    assert large["smollm2"][4] == "none"
    small = _table(capsys, 16.0)
    assert (small["qwen7b"][4], small["llama70b"][4]) == ("2", "more than 8")
    with pytest.raises(ConfigError, match="gpu_gb=0: must be above 0"):
        run(ModelsConfig(gpu_gb=0))


def test_the_command_runs() -> None:
    line = [sys.executable, "-m", "medgym_ray.models", "gpu_gb=24"]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "GPUs of 24 GB" in done.stdout
