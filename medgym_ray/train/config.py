"""The configuration of a training, checked once, at the door."""

from dataclasses import dataclass, field

from medgym_ray.config import MISSING, AgentConfig
from medgym_ray.errors import ConfigError

RECIPES = ("sft", "dpo", "verifier", "grpo")
PRECISIONS = ("auto", "float32", "bfloat16")
_LONGER = ("drop", "cut")
_SCHEDULES = ("constant", "cosine", "inverse_sqrt", "linear", "polynomial")


@dataclass
class BaseConfig:
    """The weights that training begins with."""

    path: str = MISSING
    """A directory, or `package:NAME`."""


@dataclass
class LengthConfig:
    """How long a sequence may be."""

    max_tokens: int | None = None
    """Unset: what the model has positions for."""
    longer: str = "drop"
    """drop, or cut: replies at the end are lost, for a verifier the beginning of the conversation."""


@dataclass
class LoraConfig:
    """An adapter beside frozen weights."""

    r: int = 0
    """Its rank; 0: all weights are trained."""
    alpha: int | None = None
    """Unset: twice the rank."""
    dropout: float = 0.0
    merge: bool = False
    """Whether the adapter ends up in the weights, and not as files of its own."""


@dataclass
class OptimizerConfig:
    """AdamW."""

    learning_rate: float = MISSING
    epochs: float = 1.0
    max_steps: int | None = None
    """Updates; set, `epochs` does not count."""
    batch: int = 8
    """Sequences (pairs, episodes) per update."""
    micro_batch: int = 1
    """Of these at once on the device."""
    warmup: float = 0.03
    """Share of the updates."""
    schedule: str = "cosine"
    """Of the learning rate: constant, cosine, inverse_sqrt, linear or polynomial, after the warm-up."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0


@dataclass
class DpoConfig:
    """recipe=dpo"""

    beta: float = 0.1
    """How dear it is to leave the reference."""


@dataclass
class GrpoConfig:
    """recipe=grpo: which tasks are played, by which rules, and how the policy samples."""

    family: str | None = None
    root: str | None = None
    """The directory of the task files; unset: the bundled sample."""
    split: str = "train"
    limit: int | None = None
    validation: float = 0.1
    """Share of the tasks that are only played at the end."""
    agent: str = "code"
    """json, tools or code"""
    protocol: str = "submit"
    max_turns: int = 4
    deadline_s: float = AgentConfig.deadline_s
    """Wall clock of one episode."""
    sandbox: str = "namespace"
    rollouts: int = 8
    """Episodes of a task whose rewards are compared."""
    max_reply_tokens: int = 512
    temperature: float = 1.0
    beta: float = 0.0
    """How dear it is to leave the reference; 0: there is none."""


@dataclass
class OutputConfig:
    """Where weights go. Steps are updates."""

    dir: str = MISSING
    checkpoint_steps: int = 50
    log_steps: int = 5


@dataclass
class TrainConfig:
    """One training."""

    recipe: str = MISSING
    data: str | None = None
    """A directory of medgym_ray.export; grpo plays its own."""
    model: BaseConfig = field(default_factory=BaseConfig)
    length: LengthConfig = field(default_factory=LengthConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    dpo: DpoConfig = field(default_factory=DpoConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    precision: str = "auto"
    """Of the products (what is trained is float32): float32, bfloat16, or auto: bfloat16 on a GPU that has it. A CPU
    with AMX is some three times faster by bfloat16, others are slower."""
    seed: int = 0


def check(config: TrainConfig) -> None:
    """Raises ConfigError for settings that cannot be meant."""
    if config.recipe not in RECIPES:
        raise ConfigError(f"no recipe called '{config.recipe}'; type recipe=NAME with one of: {', '.join(RECIPES)}")
    if config.recipe == "grpo":
        _check_grpo(config)
    elif not config.data:
        raise ConfigError(f"recipe={config.recipe} needs data=DIR, a directory of medgym_ray.export")
    if config.precision not in PRECISIONS:
        raise ConfigError(f"precision={config.precision}: one of {', '.join(PRECISIONS)}")
    if config.length.longer not in _LONGER:
        raise ConfigError(f"length.longer={config.length.longer}: one of {', '.join(_LONGER)}")
    if config.lora.merge and not config.lora.r:
        raise ConfigError("lora.merge=true needs an adapter to merge: say lora.r=16")
    if config.lora.r < 0:
        raise ConfigError(f"lora.r={config.lora.r}: a rank, or 0 to train all weights")
    _check_steps(config)


def _check_steps(config: TrainConfig) -> None:
    optimizer = config.optimizer
    if optimizer.schedule not in _SCHEDULES:
        raise ConfigError(f"optimizer.schedule={optimizer.schedule}: one of {', '.join(_SCHEDULES)}")
    positive = {
        "optimizer.learning_rate": optimizer.learning_rate,
        "optimizer.epochs": optimizer.epochs,
        "optimizer.batch": optimizer.batch,
        "optimizer.micro_batch": optimizer.micro_batch,
        "output.checkpoint_steps": config.output.checkpoint_steps,
        "output.log_steps": config.output.log_steps,
        "optimizer.max_steps": 1 if optimizer.max_steps is None else optimizer.max_steps,
        "length.max_tokens": 1 if config.length.max_tokens is None else config.length.max_tokens,
    }
    for key, value in positive.items():
        if value <= 0:
            raise ConfigError(f"{key}={value}: it must be above 0")
    for key, share in {"optimizer.warmup": optimizer.warmup, "lora.dropout": config.lora.dropout}.items():
        if not 0 <= share < 1:
            raise ConfigError(f"{key}={share}: a share from 0 to below 1")
    if optimizer.batch % optimizer.micro_batch:
        raise ConfigError(
            f"optimizer.batch={optimizer.batch} is no multiple of optimizer.micro_batch={optimizer.micro_batch}"
        )


def _check_grpo(config: TrainConfig) -> None:
    grpo, batch = config.grpo, config.optimizer.batch
    if config.data:
        raise ConfigError("recipe=grpo plays tasks and reads no data: leave data out, say grpo.family=NAME")
    if not grpo.family:
        raise ConfigError("recipe=grpo needs grpo.family=NAME, the family whose tasks are played")
    if grpo.rollouts < 2:
        raise ConfigError(f"grpo.rollouts={grpo.rollouts}: a reward is compared with others of its task; say 2 or more")
    if batch % grpo.rollouts:
        raise ConfigError(f"optimizer.batch={batch} is no multiple of grpo.rollouts={grpo.rollouts}")
    if grpo.max_reply_tokens < 1 or grpo.max_turns < 1 or grpo.temperature <= 0:
        raise ConfigError("grpo.max_reply_tokens, grpo.max_turns and grpo.temperature must be above 0")
    if not 0 <= grpo.validation < 1:
        raise ConfigError(f"grpo.validation={grpo.validation}: a share from 0 to below 1")
