"""What every recipe does alike: settings of the trainer, going on from a checkpoint, measuring at the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from transformers import PrinterCallback, ProgressCallback

from medgym_ray.train.config import TrainConfig
from medgym_ray.train.curve import MetricsLog, draw, read_metrics
from medgym_ray.train.data import VALIDATION, Export, Fit, Prepared, Row, prepare
from medgym_ray.train.directory import TrainingDirectory
from medgym_ray.train.weights import Base, Device

Figures = dict[str, float]
Measured = Mapping[str, str]
"""Names of figures for the user, by those of the trainer."""


@dataclass(frozen=True, slots=True)
class Session:
    """One command's work in one directory."""

    config: TrainConfig
    base: Base
    on: Device
    directory: TrainingDirectory
    told: Console

    @property
    def max_tokens(self) -> int:
        """Of a sequence."""
        return min(self.config.length.max_tokens or self.base.positions, self.base.positions)

    def prepare(self, export: Export, tokenise: Callable[[Row], dict[str, Any]], fit: Fit) -> Prepared:
        """See data.prepare; says what was cut and dropped, and what cannot be measured."""
        prepared = prepare(export, tokenise, fit)
        for split, count in prepared.counts.items():
            if count["cut"] or count["dropped"]:
                self.told.print(
                    f"{split}: of {count['rows']} sequences {count['dropped']} dropped and {count['cut']} cut, "
                    f"longer than {self.max_tokens} tokens"
                )
        if prepared.validation is None:
            self.told.print(f"data={self.config.data}: nothing in its split '{VALIDATION}', so nothing is measured")
        return prepared

    def arguments(self, *, evaluates: bool) -> dict[str, Any]:
        """Of transformers' TrainingArguments and of TRL's configurations: nothing is uploaded or reported."""
        config, optimizer = self.config, self.config.optimizer
        return {
            "output_dir": str(self.directory.checkpoints),
            "learning_rate": optimizer.learning_rate,
            "num_train_epochs": optimizer.epochs,
            "max_steps": optimizer.max_steps or -1,
            "per_device_train_batch_size": optimizer.micro_batch,
            "per_device_eval_batch_size": optimizer.micro_batch,
            "gradient_accumulation_steps": optimizer.batch // optimizer.micro_batch,
            "warmup_steps": optimizer.warmup,  # below 1: a share
            "lr_scheduler_type": optimizer.schedule,
            "weight_decay": optimizer.weight_decay,
            "max_grad_norm": optimizer.max_grad_norm,
            "seed": config.seed,
            "bf16": self.on.mixed,
            "use_cpu": self.on.kind == "cpu",
            "gradient_checkpointing": self.on.kind == "cuda",  # memory is what a GPU lacks, time what a CPU lacks
            "dataloader_pin_memory": self.on.kind == "cuda",
            "logging_steps": config.output.log_steps,
            "logging_first_step": True,
            "save_strategy": "steps",
            "save_steps": config.output.checkpoint_steps,
            "save_total_limit": 2,  # one may be half-written when the training is killed
            "eval_strategy": "steps" if evaluates else "no",
            "eval_steps": config.output.checkpoint_steps,
            "report_to": "none",
            "disable_tqdm": True,
        }

    def carry_out(self, trainer: Any, figures: Measured) -> Figures:
        """Trains to the end, from the last checkpoint where there is one, and measures; NaN means nothing."""
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        trainer.add_callback(MetricsLog(self.directory.metrics, self.told))
        checkpoint = self.directory.last_checkpoint()
        if checkpoint is not None:
            self.told.print(f"goes on from {checkpoint.name}")
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
        measured = _at_the_end(trainer.state)
        if trainer.eval_dataset is not None and not measured:
            measured = trainer.evaluate()
        draw(read_metrics(self.directory.metrics), self.directory.curve)
        found = {ours: measured[theirs] for theirs, ours in figures.items() if theirs in measured}
        return {name: round(float(value), 6) for name, value in found.items()}


def _at_the_end(state: Any) -> dict[str, float]:
    """What the trainer has measured after its last update by itself; empty where it has not."""
    last = [point for point in state.log_history if point.get("step") == state.global_step]
    return next((point for point in reversed(last) if any(key.startswith("eval_") for key in point)), {})


Recipe = Callable[[Session], "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A model that was trained, and what it was trained on and measured by."""

    model: Any
    figures: Figures
    data: Mapping[str, Any]
    """For the provenance."""
