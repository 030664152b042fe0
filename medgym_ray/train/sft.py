"""recipe=sft: imitation. Loss on what the policy said, and on nothing that it heard."""

from typing import Any

from trl import SFTConfig, SFTTrainer

from medgym_ray.train.conversations import IGNORED, conversation, tools_of
from medgym_ray.train.data import Row, load_export
from medgym_ray.train.session import Outcome, Session
from medgym_ray.train.weights import load_policy

VIEWS = {
    "sft_tokens": frozenset({"input_ids", "labels"}),
    "sft": frozenset({"messages"}),
}


def train(session: Session) -> Outcome:
    """Raises ConfigError where the data are not those of the recipe."""
    config, base = session.config, session.base
    export = load_export(str(config.data), "sft", VIEWS, session.directory.cache)

    def tokenise(row: Row) -> dict[str, Any]:
        if "input_ids" in row:
            return {"input_ids": row["input_ids"], "labels": row["labels"]}
        tokens = conversation(base.template, row["messages"], tools_of(row))
        return {"input_ids": tokens.ids, "labels": tokens.labels()}

    def fit(row: dict[str, Any]) -> dict[str, Any] | None:
        if len(row["input_ids"]) > session.max_tokens:
            if config.length.longer == "drop":
                return None
            row = {key: values[: session.max_tokens] for key, values in row.items()}
        return row if any(label != IGNORED for label in row["labels"]) else None

    prepared = session.prepare(export, tokenise, fit)
    arguments = SFTConfig(
        **session.arguments(evaluates=prepared.validation is not None),
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = SFTTrainer(
        model=load_policy(base, session.on, config.lora),
        args=arguments,
        train_dataset=prepared.train,
        eval_dataset=prepared.validation,
        processing_class=base.tokenizer,
    )
    figures = session.carry_out(
        trainer, {"eval_loss": "validation_loss", "eval_mean_token_accuracy": "validation_token_accuracy"}
    )
    return Outcome(trainer.model, figures, export.provenance(prepared.counts))
