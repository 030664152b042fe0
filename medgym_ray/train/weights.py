"""Weights and tokenizer of the base model, on what there is to compute with, and their way back to a directory."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from peft import LoraConfig as Adapter
from peft import PeftModel, TaskType, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from medgym_ray.errors import ConfigError
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.policies.weights import resolve
from medgym_ray.train.config import LoraConfig

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Device:
    """What computes, and how: `dtype` is that of weights that are trained."""

    kind: str
    dtype: torch.dtype
    mixed: bool
    """Whether products are computed in bfloat16."""
    attention: str


def device(precision: str = "auto") -> Device:
    """A GPU, with flash attention where it is installed and computes in bfloat16; else the CPU.

    `precision`: float32, bfloat16, or auto: bfloat16 on a GPU that has it. Raises ConfigError where several GPUs are
    visible, for one process trains on one, and where this one has no bfloat16.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("one process trains on one device: start it without torchrun or accelerate launch")
    if not torch.cuda.is_available():
        return Device("cpu", torch.float32, precision == "bfloat16", "sdpa")
    if torch.cuda.device_count() > 1:
        raise ConfigError("several GPUs are visible and one is used: name it, as CUDA_VISIBLE_DEVICES=0")
    able = torch.cuda.is_bf16_supported()
    if precision == "bfloat16" and not able:
        raise ConfigError(f"precision=bfloat16: {torch.cuda.get_device_name()} has none; leave it out")
    mixed = able and precision != "float32"
    attention = "flash_attention_2" if mixed and find_spec("flash_attn") is not None else "sdpa"
    return Device("cuda", torch.float32, mixed, attention)


@dataclass(frozen=True, slots=True)
class Base:
    """A model's directory as training needs it."""

    path: Path
    tokenizer: Any
    template: ChatTemplate
    positions: int
    """Tokens that a sequence may have."""
    stored: torch.dtype
    """In which its weights lie there, and ours will."""


def open_base(path: str) -> Base:
    """The tokenizer and configuration of `model.path`. Raises ConfigError where they cannot be had, PolicyError."""
    folder = _folder(path)
    if not (folder / "config.json").is_file():
        raise ConfigError(f"model.path={path}: no directory of weights (it would hold config.json)")
    try:
        config = AutoConfig.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except _UNREADABLE as error:
        raise ConfigError(f"model.path={path}: {_line(error)}") from error
    if not tokenizer.chat_template:
        raise ConfigError(f"model.path={path}: its tokenizer has no chat template; a conversation needs one")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    text = config.get_text_config()
    stored = text.dtype if isinstance(text.dtype, torch.dtype) else torch.float32
    return Base(folder, tokenizer, ChatTemplate(tokenizer), int(text.max_position_embeddings), stored)


def _folder(path: str) -> Path:
    folder = Path(resolve(path)).expanduser()
    if folder.exists() or not _HUB_ID.fullmatch(path):
        return folder.absolute()
    try:
        return Path(snapshot_download(path, allow_patterns=["*.json", "*.jinja", "*.model", "*.safetensors", "*.txt"]))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"model.path={path}: neither a directory nor to be had from the Hub ({_line(error)})"
        ) from error


def load_policy(base: Base, on: Device, lora: LoraConfig) -> Any:
    """A model that replies. Raises ConfigError."""
    return _load(AutoModelForCausalLM, base, on, lora, TaskType.CAUSAL_LM)


def load_verifier(base: Base, on: Device, lora: LoraConfig) -> Any:
    """A model with a head of one logit, which is new where the base has none. Raises ConfigError."""
    head = {"num_labels": 1, "problem_type": "multi_label_classification"}  # a cross-entropy of one yes or no
    return _load(AutoModelForSequenceClassification, base, on, lora, TaskType.SEQ_CLS, **head)


def _load(kind: Any, base: Base, on: Device, lora: LoraConfig, task: TaskType, **settings: Any) -> Any:
    # Frozen weights need no more than they were stored with; trained ones lose small updates in bfloat16.
    dtype = torch.bfloat16 if lora.r and on.mixed else on.dtype
    try:
        model = kind.from_pretrained(base.path, dtype=dtype, attn_implementation=on.attention, **settings)
    except _UNREADABLE as error:
        raise ConfigError(f"model.path={base.path}: {_line(error)}") from error
    model.config.get_text_config().pad_token_id = base.tokenizer.pad_token_id
    if not lora.r:
        return model
    adapter = Adapter(
        r=lora.r,
        lora_alpha=lora.alpha or 2 * lora.r,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type=task,
    )
    return get_peft_model(model, adapter)


def load_scorer(path: str, on: Device) -> tuple[Base, Any]:
    """A verifier that was trained, merged or as it is. Raises ConfigError where it is none."""
    base = open_base(path)
    architectures = json.loads((base.path / "config.json").read_text(encoding="utf-8")).get("architectures") or [""]
    if not architectures[0].endswith("ForSequenceClassification"):
        raise ConfigError(
            f"model.path={path} is no verifier but {architectures[0] or 'of no kind'}: train one with recipe=verifier"
        )
    return base, load_verifier(base, on, LoraConfig()).to(on.kind).eval()


def save(model: Any, base: Base, folder: Path, *, merge: bool) -> None:
    """Safetensors, configuration, tokenizer and chat template: what an engine reads, and nothing of the training."""
    if isinstance(model, PeftModel) and merge:
        model = model.merge_and_unload()
    if isinstance(model, PeftModel):
        for adapter in model.peft_config.values():
            adapter.base_model_name_or_path = str(base.path)
        model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # a template of a card with nothing in it
    else:
        model.to(base.stored).save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
    for file in folder.glob("*.safetensors"):  # which is written for its owner alone
        file.chmod((folder / "tokenizer_config.json").stat().st_mode)


def digest(folder: Path) -> str:
    """Of a model's weights and configuration: sha256 over names and contents."""
    return files_digest(folder, sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin"), folder / "config.json"]))


def files_digest(root: Path, files: list[Path]) -> str:
    """Of files by their names under `root` and their contents, 64 hex digits."""
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        whole.update(f"{file.relative_to(root)}\0{content}\n".encode())
    return whole.hexdigest()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
