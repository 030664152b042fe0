"""Does reinforcement on our episodes find what only rewards tell?

`python -m benchmarks.grpo [--seeds 0,1,2] [--write]`. A model of some 200,000 parameters, made up on the spot, first
learns by imitation to answer each task with one of three values, of which one is right; nothing tells it which. Then it
plays the tasks (recipe=grpo) and hears rewards alone. Prints the share of right answers over the updates: near a third
at first, and one where it has learnt. Each seed has weights, data order and sampling of its own.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

from benchmarks.measure.results import environment_lines, markdown, say, write_section
from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.tasks.base import Message, Task
from medgym_ray.train.config import BaseConfig, GrpoConfig, OptimizerConfig, OutputConfig, TrainConfig
from medgym_ray.train.training import train

FAMILY, SPLIT = "npowerai", "train"
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_PARTS = 10
"""Of the curve: each is the mean of a tenth of the updates."""
_SECTION = "benchmarks.grpo"
_SECTION_TEXT = """\
## Reinforcement: `python -m benchmarks.grpo --seeds {seeds}`

{environment}
- {updates} updates of {batch} episodes ({tasks} tasks of {family}, 8 rollouts of each); a seed takes {seconds} s

A model that has learnt by imitation to answer each task by one of three guesses, of which one is right, hears only the
rewards of its own episodes, played in sandboxes. Share of right answers:

{table}
"""


def write_base(folder: Path, tasks: int, seed: int) -> None:
    """Random weights under a tokenizer made of what the tasks say."""
    texts = [message.content for _, opening in openings(tasks) for message in opening]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=specials, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=specials[1], chat_template=CHATML)
    fast.save_pretrained(folder)
    set_seed(seed)
    shape = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(**shape, vocab_size=len(fast), max_position_embeddings=2048, eos_token_id=1, bos_token_id=None)
    LlamaForCausalLM(config).save_pretrained(folder)


def openings(tasks: int) -> list[tuple[Task, list[Message]]]:
    """What each task's agent is told."""
    playhouse = Playhouse(Options(FAMILY, split=SPLIT, limit=tasks, agent="code", max_turns=1), 1)
    return [(task, playhouse.opening(task)) for task in playhouse.tasks]


def write_guesses(folder: Path, tasks: int, seed: int) -> None:
    """Conversations of one reply: the right answer as often as two wrong ones."""
    rows: list[dict[str, Any]] = []
    for task, told in openings(tasks):
        opening = [{"role": message.role, "content": message.content} for message in told]
        right = task.gold["answer"]
        for guess in (right, right + 1, right + 10):
            reply = {"role": "assistant", "content": f"```answer\n{json.dumps(guess)}\n```"}
            rows.append({"messages": [*opening, reply]})
    random.Random(seed).shuffle(rows)
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data" / "train-00000.parquet")


def curve(seed: int, updates: int, tasks: int) -> list[float]:
    """Imitation, then reinforcement: the share of right answers at each update."""
    told = Console(stderr=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_base(work / "base", tasks, seed)
        write_guesses(work / "guesses", tasks, seed)
        imitation = TrainConfig(
            recipe="sft",
            data=str(work / "guesses"),
            model=BaseConfig(path=str(work / "base")),
            optimizer=OptimizerConfig(learning_rate=3e-3, max_steps=200, batch=3 * tasks, micro_batch=3 * tasks),
            output=OutputConfig(dir=str(work / "sft"), checkpoint_steps=1000, log_steps=50),
            seed=seed,
        )
        guesser = train(imitation, told)
        batch = 8 * tasks
        reinforcement = TrainConfig(
            recipe="grpo",
            model=BaseConfig(path=str(guesser.path)),
            optimizer=OptimizerConfig(
                learning_rate=3e-4, max_steps=updates, batch=batch, micro_batch=batch, schedule="constant"
            ),
            grpo=GrpoConfig(
                family=FAMILY, split=SPLIT, limit=tasks, validation=0.0, max_turns=1, rollouts=8, max_reply_tokens=16
            ),
            output=OutputConfig(dir=str(work / "grpo"), checkpoint_steps=1000, log_steps=1),
            seed=seed,
        )
        train(reinforcement, told)
        points = [json.loads(line) for line in (work / "grpo" / "metrics.jsonl").read_text().splitlines()]
    return [point["success"] for point in points if "success" in point]


def table(curves: dict[int, list[float]]) -> str:
    """The first update, then a row a tenth of all, a column a seed."""
    updates = min(map(len, curves.values()))
    size = -(-updates // _PARTS)
    rows = [("1", *(f"{each[0]:.3f}" for each in curves.values()))]
    for start in range(0, updates, size):
        parts = [each[start : start + size] for each in curves.values()]
        rows.append((f"{start + 1}-{start + len(parts[0])}", *(f"{sum(part) / len(part):.3f}" for part in parts)))
    return markdown(("updates", *(f"seed {seed}" for seed in curves)), rows)


def main() -> None:
    """Learns with each seed, prints, and with --write records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grpo", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    began = time.monotonic()
    curves = {}
    for seed in map(int, arguments.seeds.split(",")):
        say(f"seed {seed}")
        curves[seed] = curve(seed, arguments.updates, arguments.tasks)
    text = _SECTION_TEXT.format(
        seeds=arguments.seeds,
        environment="\n".join(f"- {line}" for line in environment_lines()),
        updates=arguments.updates,
        batch=8 * arguments.tasks,
        tasks=arguments.tasks,
        family=FAMILY,
        seconds=round((time.monotonic() - began) / len(curves)),
        table=table(curves),
    )
    print(text)
    if arguments.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()
