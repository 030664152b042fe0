"""Every view is taken by its trainers: one real optimizer step each, and the loss is where it belongs."""

import functools
import json
import math
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest

from medgym_ray.policies.base import Generation
from medgym_ray.policies.tokens import ChatTemplate, TokenTranscript
from medgym_ray.tasks.base import Message
from medgym_ray.trajectory import Trajectory
from tests.conftest import REPOSITORY
from tests.export.runs import export, rollout, write_run
from tests.peers import trainers_python
from tests.policies.tiny import write_model

__all__ = ["trainers_python"]
pytestmark = [pytest.mark.train, pytest.mark.timeout(600)]

_MARKED = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|end|>"
    "{% endgeneration %}{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""The tiny model's template, with the marks by which `assistant_only_loss` knows who speaks."""


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    """Nothing is looked up, and nothing tells anybody of a training."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "WANDB_DISABLED", "TRL_EXPERIMENTAL_SILENCE"):
            patch.setenv(name, "1")
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of a few thousand parameters."""
    folder = tmp_path_factory.mktemp("model")
    write_model(folder, seed=0)
    return folder


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Any:
    """Its tokenizer, of bytes."""
    from transformers import AutoTokenizer

    made = AutoTokenizer.from_pretrained(base)
    made.chat_template, made.pad_token = _MARKED, made.eos_token
    return made


@pytest.fixture(scope="module")
def played(tokenizer: Any) -> list[Trajectory]:
    """Two or three rollouts of each of four tasks, with the tokens that the template and the policy gave."""
    made = []
    for task in "abcd":
        for replies, success in ((["look", f"good {task}"], True), (["look", "bad"], False), (["worse"], False)):
            made.append(_sampled(tokenizer, rollout(len(made), task, replies, success=success)))
    return made


def _sampled(tokenizer: Any, trajectory: Trajectory) -> Trajectory:
    messages = [Message(m["role"], m["content"]) for m in trajectory.messages]  # type: ignore[arg-type]
    transcript = TokenTranscript(ChatTemplate(tokenizer), messages[:2])
    for message in messages[2:]:
        if message.role == "assistant":
            ids = [*tokenizer.encode(message.content, add_special_tokens=False), tokenizer.eos_token_id]
            transcript.add_reply(Generation(message.content, "stop", ids, [-1.0] * len(ids)))
        else:
            transcript.add_observation(message)
    trajectory.token_ids, trajectory.loss_mask = transcript.next_prompt(), transcript.loss_mask()
    trajectory.logprobs = transcript.logprobs()
    return trajectory


Load = Callable[[str], Any]


@pytest.fixture(scope="module")
def data(played: list[Trajectory], tmp_path_factory: pytest.TempPathFactory) -> Load:
    """The train side of a view."""
    folder = tmp_path_factory.mktemp("export")
    stored = write_run(folder / "run", played, shard_bytes=1 << 20)

    @functools.cache
    def load(view: str) -> Any:
        made = export(stored, view, folder / view)
        return datasets.load_dataset(str(made), cache_dir=str(folder / "cache"))["train"]

    return load


def _settings(folder: Path) -> dict[str, Any]:
    return {
        **{"output_dir": str(folder), "max_steps": 1, "per_device_train_batch_size": 2, "learning_rate": 1e-2},
        **{"report_to": "none", "use_cpu": True, "bf16": False, "save_strategy": "no", "logging_steps": 1, "seed": 0},
        **{"gradient_checkpointing": False, "disable_tqdm": True, "lr_scheduler_type": "constant"},
    }


def _causal(base: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(base)


def _step(trainer: Any) -> None:
    """One step: a finite loss, and other weights."""
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    done = trainer.train()
    assert done.global_step == 1
    assert math.isfinite(done.training_loss)
    assert any(not weight.detach().equal(before[name]) for name, weight in trainer.model.named_parameters())


def _learnt(batch: Mapping[str, Any], tokenizer: Any) -> list[str]:
    """The text of each row that carries loss."""
    return [
        tokenizer.decode([token for token, label in zip(ids, labels, strict=True) if label != -100])
        for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True)
    ]


def _replies(trajectory: Trajectory) -> str:
    return "".join(f"{m['content']}<|end|>" for m in trajectory.messages if m["role"] == "assistant")


def test_sft(base: Path, tokenizer: Any, data: Load, played: list[Trajectory], tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    args = SFTConfig(**_settings(tmp_path), assistant_only_loss=True, max_length=None)
    trainer = SFTTrainer(_causal(base), args=args, train_dataset=data("sft"), processing_class=tokenizer)
    batches = [text for batch in trainer.get_train_dataloader() for text in _learnt(batch, tokenizer)]
    assert sorted(batches) == sorted(_replies(each) for each in played if each.success)
    _step(trainer)


def test_sft_tokens(base: Path, tokenizer: Any, data: Load, played: list[Trajectory], tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    args = SFTConfig(**_settings(tmp_path), max_length=None)
    trainer = SFTTrainer(_causal(base), args=args, train_dataset=data("sft_tokens"), processing_class=tokenizer)
    found = []
    for batch in trainer.get_train_dataloader():
        for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
            found.append([(place, label) for place, label in enumerate(labels) if label != -100])
            assert all(ids[place] == label for place, label in found[-1])
    sampled = [
        [(place, token) for place, (token, mask) in enumerate(zip(each.token_ids, each.loss_mask, strict=True)) if mask]
        for each in played
        if each.success and each.token_ids and each.loss_mask
    ]
    assert len(sampled) == 4
    assert sorted(found) == sorted(sampled), "exactly the generated tokens carry loss"
    _step(trainer)


def test_sft_tokens_are_those_of_the_text(tokenizer: Any, data: Load) -> None:
    """Both views of a run say the same, so that the one may be checked against the other."""
    for text, tokens in zip(data("sft"), data("sft_tokens"), strict=True):
        rendered = tokenizer.apply_chat_template(text["messages"], return_dict=True, return_assistant_tokens_mask=True)
        length = len(tokens["input_ids"])
        assert rendered["input_ids"][:length] == tokens["input_ids"]
        assert [label != -100 for label in tokens["labels"]] == [bool(m) for m in rendered["assistant_masks"][:length]]


def _completions(batch: Mapping[str, Any], tokenizer: Any) -> list[str]:
    rows = zip(batch["input_ids"].tolist(), batch["completion_mask"].tolist(), strict=True)
    return [tokenizer.decode([token for token, one in zip(ids, mask, strict=True) if one]) for ids, mask in rows]


def test_dpo_turn(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    args = DPOConfig(**_settings(tmp_path), max_length=None)
    trainer = DPOTrainer(_causal(base), args=args, train_dataset=data("dpo_turn"), processing_class=tokenizer)
    said = {text for batch in trainer.get_train_dataloader() for text in _completions(batch, tokenizer)}
    assert said == {f"{text}<|end|>" for text in ("look", "worse", "bad", "good a", "good b", "good c", "good d")}
    _step(trainer)


def _documented_collator() -> Any:
    (code,) = re.findall(
        r"```python\n(import torch.*?)```", (REPOSITORY / "docs/export.md").read_text(encoding="utf-8"), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(code, names)
    return names["RepliesOnly"]


def test_dpo(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    """With the collator of docs/export.md."""
    from trl import DPOConfig, DPOTrainer

    args = DPOConfig(**_settings(tmp_path), max_length=None, remove_unused_columns=False)
    collator = _documented_collator()(tokenizer)
    trainer = DPOTrainer(
        _causal(base), args=args, train_dataset=data("dpo"), processing_class=tokenizer, data_collator=collator
    )
    said = {text for batch in trainer.get_train_dataloader() for text in _completions(batch, tokenizer)}
    assert said == {"worse<|end|>", "look<|end|>bad<|end|>", *(f"look<|end|>good {task}<|end|>" for task in "abcd")}
    _step(trainer)


def test_a_reward_model_of_pairs(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    """`dpo` is what TRL's RewardTrainer compares; `verifier` is for a classifier."""
    from transformers import AutoModelForSequenceClassification
    from trl import RewardConfig, RewardTrainer

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    args = RewardConfig(**_settings(tmp_path), max_length=None)
    _step(RewardTrainer(model, args=args, train_dataset=data("dpo"), processing_class=tokenizer))


def test_kto(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    from trl import KTOConfig, KTOTrainer

    args = KTOConfig(**_settings(tmp_path), max_length=None)
    trainer = KTOTrainer(_causal(base), args=args, train_dataset=data("kto"), processing_class=tokenizer)
    said = {text for batch in trainer.get_train_dataloader() for text in _completions(batch, tokenizer)}
    assert said == {f"{text}<|end|>" for text in ("worse", "bad", "good a", "good b", "good c", "good d")}
    _step(trainer)


def test_grpo(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    from trl import GRPOConfig, GRPOTrainer

    asked: list[str] = []

    def reward(completions: list[Any], reward_model: list[dict[str, str]], **_: Any) -> list[float]:
        asked.extend(each["ground_truth"] for each in reward_model)
        return [float(number) for number, _ in enumerate(completions)]

    settings = _settings(tmp_path) | {"num_generations": 2, "max_completion_length": 4}
    trainer = GRPOTrainer(
        _causal(base), reward, args=GRPOConfig(**settings), train_dataset=data("grpo"), processing_class=tokenizer
    )
    _step(trainer)
    assert len(asked) == 2
    assert set(asked) <= {f"f/{task}" for task in "abcd"}


def _trainer(model: Any, rows: list[dict[str, Any]], collator: Any, folder: Path) -> Any:
    from transformers import Trainer, TrainingArguments

    made = datasets.Dataset.from_list(rows)
    return Trainer(model, TrainingArguments(**_settings(folder)), train_dataset=made, data_collator=collator)


def test_verifier(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    """A head upon the conversation, and the outcome."""
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding

    rows = [
        {"input_ids": tokenizer.apply_chat_template(row["messages"], return_dict=False), "label": int(row["label"])}
        for row in data("verifier")
    ]
    assert sorted(row["label"] for row in rows) == [0] * 8 + [1] * 4
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2, pad_token_id=tokenizer.pad_token_id)
    _step(_trainer(model, rows, DataCollatorWithPadding(tokenizer), tmp_path))


def test_prm(base: Path, tokenizer: Any, data: Load, tmp_path: Path) -> None:
    """A label at the end of each reply, as nothing carries loss of which nobody knows."""
    from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification

    rows = []
    for row in data("prm"):
        ends, given = [], iter(row["turn_labels"])
        for place, message in enumerate(row["messages"]):
            if message["role"] == "assistant" and (label := next(given)) is not None:
                so_far = tokenizer.apply_chat_template(row["messages"][: place + 1], return_dict=False)
                ends.append((len(so_far) - 1, int(label)))
        ids = tokenizer.apply_chat_template(row["messages"], return_dict=False)
        labels = [-100] * len(ids)
        for place, label in ends:
            labels[place] = label
        rows.append({"input_ids": ids, "labels": labels})
    assert [sorted(set(row["labels"])) for row in rows[:3]] == [[-100, 1], [-100, 0, 1], [-100, 0]]
    model = AutoModelForTokenClassification.from_pretrained(base, num_labels=2)
    _step(_trainer(model, rows, DataCollatorForTokenClassification(tokenizer), tmp_path))


@pytest.mark.peers
@pytest.mark.parametrize("trainer", ["verl", "skyrl"])
def test_loaders_of_verl_and_skyrl_take_the_prompts(
    played: list[Trajectory], base: Path, tmp_path: Path, trainers_python: Path, trainer: str
) -> None:
    stored = write_run(tmp_path / "run", played, shard_bytes=1 << 20)
    (file,) = (export(stored, "grpo", tmp_path / "out") / "data").iterdir()
    command = [trainers_python, REPOSITORY / "tests/export/loaders.py", trainer, base, file]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = json.loads(done.stdout.splitlines()[-1])
    prompts = [[*played[0].messages[:1], {"role": "user", "content": f"do {task}"}] for task in "abcd"]
    tasks = [f"f/{task}" for task in "abcd"]
    if trainer == "verl":
        assert [row["raw_prompt"] for row in loaded] == prompts
        assert [row["reward_model"]["ground_truth"] for row in loaded] == tasks
        assert [row["extra_info"]["index"] for row in loaded] == [row["index"] for row in loaded] == [0, 1, 2, 3]
    else:
        assert [row["prompt"] for row in loaded] == prompts
        assert [row["env_class"] for row in loaded] == ["medgym"] * 4
        assert [row["env_extras"]["reward_spec"]["ground_truth"] for row in loaded] == tasks


def test_verl_s_and_skyrl_s_columns_as_they_read_them(played: list[Trajectory], tmp_path: Path) -> None:
    """Both read the Parquet files themselves; verl with pandas."""
    stored = write_run(tmp_path / "run", played, shard_bytes=1 << 20)
    (file,) = (export(stored, "grpo", tmp_path / "out") / "data").iterdir()
    frame = pd.read_parquet(file)
    for _, row in frame.iterrows():
        assert isinstance(row["data_source"], str)
        assert isinstance(row["ability"], str)
        assert isinstance(row["env_class"], str)
        assert [set(message) for message in row["prompt"]] == [{"role", "content"}] * 2
        assert row["reward_model"] == {"style": "rule", "ground_truth": row["task_id"]}
        assert row["reward_spec"] == {"method": "rule", "ground_truth": row["task_id"]}
        assert isinstance(row["extra_info"]["index"], int)
        assert row["extra_info"]["split"] == "test"
    assert len(frame) == 4
