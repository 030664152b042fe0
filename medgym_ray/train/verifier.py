"""recipe=verifier: a model that says how likely a trajectory is a success, which Best@K orders rollouts by.

A head of one logit on the last token, and binary cross-entropy. A Bradley-Terry loss on pairs would only order rollouts
of one task, and learn nothing from tasks that always or never succeed; this is a probability, comparable between tasks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import mannwhitneyu
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from medgym_ray.errors import ConfigError
from medgym_ray.train.conversations import Stored, conversation
from medgym_ray.train.data import TRAIN, Row, load_export
from medgym_ray.train.session import Outcome, Session
from medgym_ray.train.weights import Base, load_verifier

VIEWS = {"verifier": frozenset({"messages", "label"})}


def train(session: Session) -> Outcome:
    """Raises ConfigError where the data are not those of the recipe, or all of one label."""
    config, base = session.config, session.base
    export = load_export(str(config.data), "verifier", VIEWS, session.directory.cache)

    def tokenise(row: Row) -> dict[str, Any]:  # without tools, which a stored trajectory does not name either
        return {"input_ids": conversation(base.template, row["messages"]).ids, "labels": [float(row["label"])]}

    def fit(row: dict[str, Any]) -> dict[str, Any] | None:
        if len(row["input_ids"]) <= session.max_tokens:
            return row
        return None if config.length.longer == "drop" else row | {"input_ids": row["input_ids"][-session.max_tokens :]}

    prepared = session.prepare(export, tokenise, fit)
    labels = {label for (label,) in prepared.train["labels"]}
    if len(labels) < 2:
        raise ConfigError(f"data={config.data}: every label of '{TRAIN}' is {bool(*labels)}; a verifier needs both")
    trainer = Trainer(
        model=load_verifier(base, session.on, config.lora),
        args=TrainingArguments(**session.arguments(evaluates=prepared.validation is not None)),
        data_collator=DataCollatorWithPadding(base.tokenizer),
        train_dataset=prepared.train,
        eval_dataset=prepared.validation,
        processing_class=base.tokenizer,
        compute_metrics=lambda found: judged(found.predictions[:, 0], found.label_ids[:, 0] > 0.5),
    )
    figures = session.carry_out(
        trainer,
        {"eval_loss": "validation_loss", "eval_auc": "validation_auc", "eval_accuracy": "validation_accuracy"},
    )
    return Outcome(trainer.model, figures, export.provenance(prepared.counts))


def judged(logits: np.ndarray[Any, Any], successes: np.ndarray[Any, Any]) -> dict[str, float]:
    """How well logits tell successes: the area under the ROC curve, where there are both kinds, and accuracy at 1/2."""
    figures = {"accuracy": float(np.mean((logits > 0) == successes))}
    good, bad = logits[successes], logits[~successes]
    if len(good) and len(bad):
        figures["auc"] = float(mannwhitneyu(good, bad).statistic / (len(good) * len(bad)))
    return figures


class Verifier:
    """A trained verifier at work."""

    def __init__(self, base: Base, model: Any, max_tokens: int, batch_tokens: int) -> None:
        """`batch_tokens` bounds what is computed at once, padding included."""
        self._base, self._model = base, model
        self._max_tokens, self._batch_tokens = max_tokens, batch_tokens
        self.cut = 0
        """Conversations whose beginning did not fit."""

    def scores(self, conversations: Sequence[Sequence[Stored]]) -> list[float]:
        """The probability of success of each. Raises ConfigError for what is no conversation."""
        ids = [conversation(self._base.template, messages).ids for messages in conversations]
        self.cut += sum(len(row) > self._max_tokens for row in ids)
        ids = [row[-self._max_tokens :] for row in ids]
        found = [0.0] * len(ids)
        for places in self._batches(ids):
            for place, score in zip(places, self._computed([ids[place] for place in places]), strict=True):
                found[place] = score
        return found

    def _batches(self, ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Of like lengths, so that little is padding."""
        batch: list[int] = []
        for place in sorted(range(len(ids)), key=lambda place: len(ids[place])):
            if batch and (len(batch) + 1) * len(ids[place]) > self._batch_tokens:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _computed(self, ids: Sequence[Sequence[int]]) -> list[float]:
        padded = self._base.tokenizer.pad({"input_ids": list(ids)}, padding_side="right", return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**padded.to(self._model.device)).logits[:, 0]
        scores: list[float] = torch.sigmoid(logits.float()).tolist()
        return scores
