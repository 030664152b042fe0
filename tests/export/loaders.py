"""What trainers of others make of a file of the view grpo: `loaders.py TRAINER MODEL FILE` prints it as JSON.

Run by an interpreter that has verl and SkyRL; the tokenizer is the model's.
"""

import json
import sys
from typing import Any

from transformers import AutoTokenizer

_LONGEST = 8192
"""Tokens of a prompt, above what any has."""


def _verl(tokenizer: Any, file: str) -> list[dict[str, Any]]:
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

    told = OmegaConf.create({"max_prompt_length": _LONGEST})
    rows = RLHFDataset(data_files=file, tokenizer=tokenizer, config=told)
    batch = collate_fn([rows[place] for place in range(len(rows))])
    kept = ("raw_prompt", "data_source", "reward_model", "extra_info", "index")
    return [dict(zip(kept, row, strict=True)) for row in zip(*(batch[key].tolist() for key in kept), strict=True)]


def _skyrl(tokenizer: Any, file: str) -> list[dict[str, Any]]:
    from skyrl.train.dataset.dataset import PromptDataset

    rows = PromptDataset(file, tokenizer, _LONGEST, num_workers=1)
    return list(rows.collate_fn([rows[place] for place in range(len(rows))]))


if __name__ == "__main__":
    trainer, model, file = sys.argv[1:]
    loaded = {"verl": _verl, "skyrl": _skyrl}[trainer](AutoTokenizer.from_pretrained(model), file)
    print(json.dumps(loaded, default=str))  # noqa: T201 - what the test reads
