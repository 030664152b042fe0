"""recipe=dpo: of two continuations of one conversation the better is made likelier.

TRL would have observations between replies count as the policy's words. Here pairs are tokenised by us, and the trainer
is given masks. The reference costs no second model: under an adapter it is the frozen base, else its log-probabilities
are computed before training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from trl import DPOConfig, DPOTrainer

from medgym_ray.train.conversations import continuation, tools_of
from medgym_ray.train.data import Row, load_export
from medgym_ray.train.session import Outcome, Session
from medgym_ray.train.weights import load_policy

VIEWS = {"dpo": frozenset({"prompt", "chosen", "rejected"})}
_SIDES = ("chosen", "rejected")
_REFERENCE = ("ref_chosen_logps", "ref_rejected_logps")


def train(session: Session) -> Outcome:
    """Raises ConfigError where the data are not those of the recipe."""
    config, base = session.config, session.base
    export = load_export(str(config.data), "dpo", VIEWS, session.directory.cache)

    def tokenise(row: Row) -> dict[str, Any]:
        pair: dict[str, Any] = {}
        for side in _SIDES:
            tokens = continuation(base.template, row["prompt"], row[side], tools_of(row))
            pair |= {f"{side}_ids": tokens.ids, f"{side}_mask": tokens.mask}
        return pair

    def fit(row: dict[str, Any]) -> dict[str, Any] | None:
        if max(len(row[f"{side}_ids"]) for side in _SIDES) > session.max_tokens:
            if config.length.longer == "drop":
                return None
            row = {key: values[: session.max_tokens] for key, values in row.items()}
        return row if all(any(row[f"{side}_mask"]) for side in _SIDES) else None

    prepared = session.prepare(export, tokenise, fit)
    arguments = DPOConfig(
        **session.arguments(evaluates=prepared.validation is not None),
        beta=config.dpo.beta,
        max_length=None,
        precompute_ref_log_probs=not config.lora.r,
        remove_unused_columns=False,
    )
    trainer = PairTrainer(
        model=load_policy(base, session.on, config.lora),
        args=arguments,
        data_collator=PairCollator(base.tokenizer.pad_token_id),
        train_dataset=prepared.train,
        eval_dataset=prepared.validation,
        processing_class=base.tokenizer,
    )
    figures = session.carry_out(
        trainer,
        {
            "eval_loss": "validation_loss",
            "eval_rewards/accuracies": "validation_margin_accuracy",
            "eval_rewards/margins": "validation_margin",
        },
    )
    return Outcome(trainer.model, figures, export.provenance(prepared.counts))


class PairTrainer(DPOTrainer):
    """Takes pairs that are tokenised already."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


@dataclass(frozen=True, slots=True)
class PairCollator:
    """What DPOTrainer computes with: chosen above rejected, padded on the right."""

    pad_token_id: int

    def __call__(self, pairs: Sequence[Row]) -> dict[str, torch.Tensor]:
        """(2 × pairs, tokens) each: `input_ids`, `attention_mask`, `completion_mask`."""
        ids = [torch.tensor(pair[f"{side}_ids"]) for side in _SIDES for pair in pairs]
        masks = [torch.tensor(pair[f"{side}_mask"]) for side in _SIDES for pair in pairs]
        batch = {
            "input_ids": pad_sequence(ids, batch_first=True, padding_value=self.pad_token_id),
            "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
            "completion_mask": pad_sequence(masks, batch_first=True),
        }
        reference = {name: torch.tensor([pair[name] for pair in pairs]) for name in _REFERENCE if name in pairs[0]}
        return batch | reference
