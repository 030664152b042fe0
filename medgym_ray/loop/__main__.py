"""Self-improvement in one command: `python -m medgym_ray.loop generate=[…] rounds=N output.dir=DIR`.

Exit code 0: the tables are there; 1: a step failed (what is done stays done); 2: a command that cannot be used; 130:
interrupted, to be gone on with by the same command.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from medgym_ray import cli
from medgym_ray.config import MISSING, GenerateConfig, TargetConfig
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.export.settings import ExportConfig
from medgym_ray.loop.course import Course, Plan, Settings
from medgym_ray.loop.steps import Interrupted, Steps
from medgym_ray.store.atomic import write_text
from medgym_ray.train.config import TrainConfig
from medgym_ray.validation import validate

_FILE = "loop.yaml"
_OWN = ("model.version=", "output.dir=", "seed=", "resume=")
"""What the course itself tells a run."""
_BASE = "model.path="
_LISTS = ("generate", "demonstrate", "practise", "hold_out", "export", "train", "sft", "dpo", "verifier")


@dataclass
class LoopConfig:
    """The stages, and what each command is told beside what the loop tells it (lists of its KEY=VALUE)."""

    generate: list[str] = MISSING
    """Every run: model=…, tasks…, agent…, sampling…, sandbox…, cluster…"""
    demonstrations: str | None = "oracle"
    """oracle, the directory of a run, or null: then the base practises at once."""
    demonstrate: list[str] = field(default_factory=list)
    """The oracle's run: by default the tasks, agent and sandbox of `generate`."""
    rounds: int = 2
    restart: bool = True
    """Whether each round trains the base anew on all that was gathered; else the last weights."""
    practise: list[str] = field(default_factory=lambda: ["tasks.split=train", "sampling.rollouts=4"])
    hold_out: list[str] = field(default_factory=lambda: ["tasks.split=test", "sampling.rollouts=4"])
    export: list[str] = field(default_factory=list)
    train: list[str] = field(default_factory=list)
    """Every training."""
    sft: list[str] = field(default_factory=list)
    dpo: list[str] | None = field(default_factory=list)
    """null: this stage is left out."""
    verifier: list[str] | None = field(default_factory=list)
    """null: this stage is left out."""
    seed: int = 0
    output: TargetConfig = field(default_factory=TargetConfig)


def run(config: LoopConfig) -> int:
    """One loop; returns the exit code. Raises ConfigError where it could not start, StepFailed, StorageError."""
    base, settings = _checked(config)
    root = Path(config.output.dir).expanduser().absolute()
    _claim(root, {key: value for key, value in asdict(config).items() if key != "output"})
    plan = Plan(
        base=base,
        demonstrations=config.demonstrations,
        rounds=config.rounds,
        restart=config.restart,
        seed=config.seed,
    )
    told = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    steps = Steps(root, lambda line: told.print(line, markup=False))
    try:
        tables = Course(root, plan, settings, steps).run()
    except (Interrupted, KeyboardInterrupt):
        told.print(f"{root}: interrupted; the same command goes on", markup=False)
        return 130
    print(f"{root}: done. The tables: {tables / 'evaluation.md'}")  # noqa: T201 - the result of the command
    return 0


def _checked(config: LoopConfig) -> tuple[str, Settings]:
    """The base's weights, and settings whose every key is known to its command. Raises ConfigError."""
    if not config.output.dir.strip():
        raise ConfigError("output.dir is empty; give output.dir=DIR")
    if config.rounds < 0:
        raise ConfigError(f"rounds={config.rounds}: give 0 or more")
    if config.demonstrations is None and config.rounds == 0:
        raise ConfigError("demonstrations=null rounds=0: there is nothing to learn from; give one of them")
    for key in ("generate", "practise", "hold_out"):
        for word in getattr(config, key):
            if word.startswith(_OWN) or (word.startswith(_BASE) and key != "generate"):
                raise ConfigError(f"{key}: {word} is for the loop to say; leave it out")
    _composed("generate", GenerateConfig, "generate", config.generate)
    played = _composed("generate", GenerateConfig, "practise", [*config.generate, *config.practise])
    _composed("generate", GenerateConfig, "hold_out", [*config.generate, *config.hold_out])
    if played.model.kind != "vllm" or played.model.path is None:
        raise ConfigError(
            f"generate: the weights of model={played.model.name} are not here to be trained; take another"
        )
    validate(played)
    _composed("export", ExportConfig, "export", ["run=.", "view=sft", "output.dir=.", *config.export])
    for recipe in ("sft", "dpo", "verifier"):
        words = [*config.train, *(getattr(config, recipe) or ())]
        needed = [f"recipe={recipe}", "data=.", "model.path=.", "output.dir=."]
        training = _composed("train", TrainConfig, recipe, [*needed, *words])
        if training.lora.r and not training.lora.merge:
            raise ConfigError(f"{recipe}: an adapter (lora.r={training.lora.r}) is trained on; add lora.merge=true")
    model = ("model=", "+model=", "model.")
    tasks = [word for word in config.generate if not word.startswith((*model, "sampling."))]
    split = [word for word in config.practise if word.startswith("tasks.")]
    return played.model.path, Settings(
        generate=tuple(word for word in config.generate if not word.startswith(_BASE)),
        demonstrate=("model=oracle", *tasks, *split, *config.demonstrate),
        practise=tuple(config.practise),
        hold_out=tuple(config.hold_out),
        export=tuple(config.export),
        train=tuple(config.train),
        sft=tuple(config.sft),
        dpo=config.dpo,
        verifier=config.verifier,
    )


def _composed(name: str, schema: type[Any], key: str, words: Sequence[str]) -> Any:
    try:
        return cli.composed(name, schema, words)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


def _claim(root: Path, settings: dict[str, Any]) -> None:
    """Makes the directory this loop's. Raises ConfigError where it is another's, StorageError."""
    path = root / _FILE
    try:
        if path.exists():
            earlier = yaml.safe_load(path.read_text(encoding="utf-8"))
            other = [key for key in settings if not isinstance(earlier, dict) or earlier.get(key) != settings[key]]
            if other:
                raise ConfigError(
                    f"{root} holds a loop with other settings ({', '.join(other)}); choose another output.dir"
                )
        elif root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise ConfigError(f"output.dir={root} is there already and holds no loop; choose another")
        else:
            root.mkdir(parents=True, exist_ok=True)
            write_text(path, yaml.safe_dump(settings, allow_unicode=True, sort_keys=False))
    except OSError as error:
        raise error if isinstance(error, StorageError) else StorageError(f"{path}: {error.strerror}") from error


def quoted(argument: str) -> str:
    """`KEY=[A=B,C=[D,E]]` as Hydra wants it, which takes a word that holds `=` only in quotes."""
    key, _, value = argument.partition("=")
    if key not in _LISTS or not (value.startswith("[") and value.endswith("]")):
        return argument
    return f"{key}=[{','.join(map(_quoted, _words(value[1:-1])))}]"


def _words(text: str) -> list[str]:
    """Split at the commas that are in no brackets, braces or quotes."""
    words, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "[{(") - (letter in ")}]")
        if letter == "," and not depth and not quote:
            words.append("")
        else:
            words[-1] += letter
    return [word.strip() for word in words if word.strip()]


def _quoted(word: str) -> str:
    return word if word[0] in "'\"" and word[-1] == word[0] else cli.quoted(word)


def main() -> None:
    """The command."""
    sys.argv[1:] = [quoted(argument) for argument in sys.argv[1:]]
    cli.main("loop", LoopConfig, run)


if __name__ == "__main__":
    main()
