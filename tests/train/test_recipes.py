"""Every recipe trains for some real steps, and leaves what engines and the next command take."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from medgym_ray import score
from medgym_ray.errors import ConfigError
from medgym_ray.train.config import BaseConfig, LengthConfig, TrainConfig
from medgym_ray.train.training import Trained, train
from tests.conftest import REPOSITORY
from tests.train.exports import messages, store_run, write_export

pytestmark = [pytest.mark.train, pytest.mark.xdist_group("train")]
Settings = Callable[..., TrainConfig]

TALKS = [{"messages": messages(f"q{n}", f"look {n}", f"saw {n * 7}", f"answer {n * 7}")} for n in range(4)]
PAIRS = [
    {
        "prompt": messages(f"q{n}"),
        "chosen": messages("", "look", f"saw {n}", "good")[2:],
        "rejected": messages("", "guess", f"lost {n}", "bad")[2:],
    }
    for n in range(8)
]
JUDGED = [
    {"messages": messages(f"q{n}", "look", f"saw {n}", "yes" if n % 2 else "no!"), "label": bool(n % 2)}
    for n in range(24)
]


def _points(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def _losses(out: Path) -> list[float]:
    return [point["loss"] for point in _points(out) if "loss" in point]


def _logits(model: Any, ids: list[int]) -> Any:
    import torch

    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor([ids])).logits


def _weights(trained: Trained) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(next(trained.path.glob("*.safetensors"))))


def test_imitation_learns_replies_and_leaves_a_directory_that_loads(tmp_path: Path, settings: Settings) -> None:
    import huggingface_hub.constants
    from transformers import AutoModelForCausalLM, AutoTokenizer

    data = write_export(tmp_path / "data", TALKS, TALKS[:2])
    trained = train(settings("sft", data))
    losses = _losses(tmp_path / "out")
    assert losses[-1] < losses[0] / 3
    assert trained.path == tmp_path / "out" / "model"
    assert trained.figures["validation_loss"] < losses[0] / 3
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("train.yaml", "metrics.jsonl", "loss.svg", "model", ".lock")
    }
    assert "<svg" in (tmp_path / "out" / "loss.svg").read_text(encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(trained.path)
    model = AutoModelForCausalLM.from_pretrained(trained.path)
    asked = tokenizer.apply_chat_template(messages("q2"), add_generation_prompt=True, return_tensors="pt")["input_ids"]
    said = model.generate(asked, max_new_tokens=20, do_sample=False)[0, asked.shape[1] :]
    assert tokenizer.decode(said, skip_special_tokens=True).startswith("look ")
    told = yaml.safe_load((trained.path / "train.yaml").read_text(encoding="utf-8"))
    assert told["data"] == {
        "view": "sft",
        "restricted": False,
        "splits": {"train": {"rows": 4, "cut": 0, "dropped": 0}, "validation": {"rows": 2, "cut": 0, "dropped": 0}},
    }
    assert told["figures"] == trained.figures
    assert {"trl", "torch", "medgym_ray"} <= told["versions"].keys()
    assert not list(trained.path.glob("*optimizer*"))
    assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY, "TRL would tell its makers"


def test_what_the_policy_heard_moves_no_weight(tmp_path: Path, settings: Settings) -> None:
    """Where only an observation at the end of a prefix differs, the first update differs only through the context."""
    import torch
    from transformers import AutoModelForCausalLM

    from medgym_ray.train.conversations import conversation
    from medgym_ray.train.weights import open_base

    data = write_export(tmp_path / "data", TALKS[:1])
    config = settings("sft", data, optimizer={"max_steps": 1, "batch": 1, "micro_batch": 1})
    train(config)
    base = open_base(config.model.path)
    tokens = conversation(base.template, TALKS[0]["messages"])
    model = AutoModelForCausalLM.from_pretrained(config.model.path)
    logprobs = torch.log_softmax(_logits(model, tokens.ids)[0, :-1], -1)
    chosen = logprobs.gather(1, torch.tensor(tokens.ids[1:])[:, None])[:, 0]
    said = torch.tensor(tokens.mask[1:], dtype=torch.bool)
    expected = -chosen[said].mean().item()
    assert _losses(tmp_path / "out")[0] == pytest.approx(expected, rel=1e-4)
    assert base.tokenizer.decode(torch.tensor(tokens.ids[1:])[said]) == "look 0<|end|>answer 0<|end|>"


def test_sampled_tokens_are_trained_as_they_are(tmp_path: Path, settings: Settings) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    ids, labels = [9, 8, 7, 6, 5, 4], [-100, -100, 7, 6, -100, 4]
    data = write_export(tmp_path / "data", [{"input_ids": ids, "labels": labels, "trajectory_id": "a"}])
    config = settings("sft", data, optimizer={"max_steps": 1, "batch": 1, "micro_batch": 1})
    train(config)
    logprobs = torch.log_softmax(_logits(AutoModelForCausalLM.from_pretrained(config.model.path), ids)[0], -1)
    expected = -sum(logprobs[place - 1, ids[place]].item() for place in (2, 3, 5)) / 3
    assert _losses(tmp_path / "out")[0] == pytest.approx(expected, rel=1e-4)


def test_products_in_bfloat16_train_weights_in_float32(tmp_path: Path, settings: Settings) -> None:
    data = write_export(tmp_path / "data", TALKS)
    for precision in ("float32", "bfloat16"):
        trained = train(settings("sft", data, precision, precision=precision, optimizer={"max_steps": 2}))
        assert {str(weight.dtype) for weight in _weights(trained).values()} == {"torch.float32"}
    exact, rough = _losses(tmp_path / "float32"), _losses(tmp_path / "bfloat16")
    assert rough[0] == pytest.approx(exact[0], rel=1e-2)
    assert rough[0] != exact[0]
    assert rough[1] < rough[0] / 1.5


def test_what_is_too_long_is_counted(tmp_path: Path, settings: Settings) -> None:
    talks = [{"messages": messages("q", "look", "saw " * 40, "answer")}, {"messages": messages("q", "a")}]
    data = write_export(tmp_path / "data", talks)
    few = {"max_steps": 1, "batch": 1, "micro_batch": 1}
    counted = {}
    for longer in ("drop", "cut"):
        config = settings("sft", data, longer, optimizer=few, length=LengthConfig(max_tokens=60, longer=longer))
        told = yaml.safe_load((train(config).path / "train.yaml").read_text(encoding="utf-8"))
        counted[longer] = told["data"]["splits"]["train"]
    assert counted == {
        "drop": {"rows": 2, "cut": 0, "dropped": 1},
        "cut": {"rows": 2, "cut": 1, "dropped": 0},
    }


def test_an_adapter_alone_and_merged_say_the_same(tmp_path: Path, settings: Settings) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    data = write_export(tmp_path / "data", TALKS)
    given = {"optimizer": {"max_steps": 5}}
    alone = train(settings("sft", data, "alone", lora={"r": 4}, **given))
    merged = train(settings("sft", data, "merged", lora={"r": 4, "merge": True}, **given))
    assert (alone.adapter, merged.adapter) == (True, False)
    assert (alone.path.name, merged.path.name) == ("adapter", "model")
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {path.name for path in alone.path.iterdir()}
    base = AutoModelForCausalLM.from_pretrained(settings("sft", data).model.path)
    ids = list(range(4, 40))
    plain = _logits(base, ids)
    adapted = _logits(PeftModel.from_pretrained(base, alone.path), ids)
    assert torch.allclose(_logits(AutoModelForCausalLM.from_pretrained(merged.path), ids), adapted, atol=5e-3)
    assert not torch.allclose(plain, adapted, atol=1e-1)


@pytest.mark.parametrize("lora", [{}, {"r": 4}])
def test_preference_parts_chosen_from_rejected(tmp_path: Path, settings: Settings, lora: dict[str, int]) -> None:
    data = write_export(tmp_path / "data", PAIRS, PAIRS[:4])
    trained = train(settings("dpo", data, lora=lora, optimizer={"learning_rate": 0.002}))
    points = [point for point in _points(tmp_path / "out") if "loss" in point]
    assert points[0]["loss"] == pytest.approx(math.log(2), abs=1e-3)  # policy and reference are one at first
    assert points[-1]["loss"] < 0.4
    assert trained.figures["validation_margin_accuracy"] == 1.0
    assert trained.figures["validation_margin"] > 0


def test_observations_count_for_no_preference(tmp_path: Path, settings: Settings) -> None:
    """Replies alike and observations not: nothing can be preferred."""
    pairs = [
        {
            "prompt": messages("q"),
            "chosen": messages("", "look", "saw it", "")[2:4],
            "rejected": messages("", "look", "lost it all", "")[2:4],
        }
    ]
    data = write_export(tmp_path / "data", pairs)
    train(settings("dpo", data, optimizer={"batch": 1, "micro_batch": 1, "max_steps": 3}))
    assert _losses(tmp_path / "out") == [pytest.approx(math.log(2), abs=1e-4)] * 3


def test_a_verifier_tells_success_and_scores_a_run(tmp_path: Path, settings: Settings) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification

    from medgym_ray.train.verifier import Verifier
    from medgym_ray.train.weights import device, load_scorer

    data = write_export(tmp_path / "data", JUDGED[:16], JUDGED[16:])
    trained = train(settings("verifier", data, optimizer={"max_steps": 60, "learning_rate": 0.003}))
    assert trained.figures["validation_auc"] == 1.0
    assert trained.figures["validation_accuracy"] == 1.0
    stored = store_run(tmp_path / "run", [row["messages"] for row in JUDGED[16:]])
    assert (
        score.run(
            score.ScoreConfig(
                str(stored), BaseConfig(str(trained.path)), score.FileConfig(str(tmp_path / "scores.parquet"))
            )
        )
        == 0
    )
    base, model = load_scorer(str(trained.path), device())
    talks = [row["messages"] for row in JUDGED[16:]]
    scores = Verifier(base, model, 2048, batch_tokens=300).scores(talks)
    assert [score > 0.5 for score in scores] == [row["label"] for row in JUDGED[16:]]
    written = pq.read_table(tmp_path / "scores.parquet").to_pydict()
    assert written == {"trajectory_id": [f"{n:032}" for n in range(8)], "score": pytest.approx(scores, abs=1e-5)}
    alone = [Verifier(base, model, 2048, batch_tokens=1).scores([talk])[0] for talk in talks]
    assert alone == pytest.approx(scores, abs=1e-5)
    loaded = AutoModelForSequenceClassification.from_pretrained(trained.path)
    assert torch.equal(loaded.score.weight, model.score.weight)
    with pytest.raises(ConfigError, match="is no verifier but LlamaForCausalLM"):
        load_scorer(settings("sft", data).model.path, device())


def test_a_training_that_was_killed_goes_on_to_the_same_weights(tmp_path: Path, settings: Settings) -> None:
    data = write_export(tmp_path / "data", TALKS, TALKS[:2])
    steps = {"max_steps": 30, "schedule": "linear"}
    whole = train(settings("sft", data, "whole", optimizer=steps))
    command = [
        *(sys.executable, "-m", "medgym_ray.train", "recipe=sft", f"data={data}", f"output.dir={tmp_path / 'killed'}"),
        *(f"model.path={settings('sft', data).model.path}", "output.checkpoint_steps=5", "output.log_steps=1"),
        *("optimizer.learning_rate=0.01", "optimizer.max_steps=30", "optimizer.batch=4", "optimizer.micro_batch=2"),
        *("optimizer.schedule=linear", "optimizer.warmup=0", "optimizer.epochs=1"),
    ]
    started = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stderr=subprocess.PIPE)
    checkpoints = tmp_path / "killed" / "checkpoints"
    while started.poll() is None and not any(checkpoints.glob("checkpoint-*/trainer_state.json")):
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL, started.communicate()[1].decode()
    assert not (tmp_path / "killed" / "model").exists()
    resumed = train(settings("sft", data, "killed", optimizer=steps))
    assert [point["step"] for point in _points(tmp_path / "killed") if "loss" in point] == list(range(1, 31))
    assert _losses(tmp_path / "killed") == _losses(tmp_path / "whole")
    found, expected = _weights(resumed), _weights(whole)
    assert found.keys() == expected.keys()
    assert all(found[name].equal(expected[name]) for name in expected)
    assert train(settings("sft", data, "killed", optimizer=steps)) == resumed
    with pytest.raises(ConfigError, match=r"other settings: optimizer.max_steps=31 \(there: 30\)"):
        train(settings("sft", data, "killed", optimizer=steps | {"max_steps": 31}))


@pytest.mark.parametrize(
    ("recipe", "train_rows", "told"),
    [
        ("dpo", TALKS, r"recipe=dpo takes the view dpo \(chosen, prompt, rejected\); this one has messages"),
        ("sft", PAIRS, "recipe=sft takes the view sft_tokens"),
        ("verifier", [row | {"label": True} for row in TALKS], "every label of 'train' is True; a verifier needs both"),
        ("sft", [{"messages": messages("q")}], "a conversation without a reply"),
        ("sft", [{"messages": messages("q " * 3000, "a")}], "all 1 sequences are longer"),
    ],
)
def test_data_that_do_not_fit_are_one_line_and_leave_nothing(
    tmp_path: Path, settings: Settings, recipe: str, train_rows: list[dict[str, Any]], told: str
) -> None:
    data = write_export(tmp_path / "data", train_rows)
    with pytest.raises(ConfigError, match=told):
        train(settings(recipe, data))
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_one_line(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no Parquet files are there"):
        train(settings("sft", tmp_path))
    config = settings("sft", write_export(tmp_path / "data", [], TALKS))
    with pytest.raises(ConfigError, match="its split 'train' is empty"):
        train(config)
    config.model.path = str(tmp_path)
    with pytest.raises(ConfigError, match="no directory of weights"):
        train(config)
    assert not (tmp_path / "out").exists()
