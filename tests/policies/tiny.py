"""A Llama of a few thousand parameters, made up on the spot: for what does not depend on what a model says."""

import json
from pathlib import Path
from typing import Any

_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write_model(folder: Path, seed: int) -> Any:
    """Weights, configuration and a tokenizer of bytes; gives back the model."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    specials = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    vocabulary = {token: number for number, token in enumerate([*specials, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(specials)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", chat_template=_TEMPLATE)
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        eos_token_id=0,
        bos_token_id=None,
        initializer_range=0.5,
    )
    model = LlamaForCausalLM(config).to(torch.float32)
    model.save_pretrained(folder)
    return model


def write_adapter(folder: Path, model: Any, seed: int) -> None:
    """An adapter in PEFT's files upon every query projection, and the same put into the weights of `model`."""
    import torch
    from safetensors.torch import save_file

    rank, alpha = 4, 8
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for number, layer in enumerate(model.model.layers):
        weight = layer.self_attn.q_proj.weight
        down = torch.randn(rank, weight.shape[1], generator=generator) * 0.2
        up = torch.randn(weight.shape[0], rank, generator=generator) * 0.2
        name = f"base_model.model.model.layers.{number}.self_attn.q_proj"
        tensors |= {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
        with torch.no_grad():
            weight += alpha / rank * up @ down
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": ["q_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")


def greedy(model: Any, prompt: list[int], tokens: int) -> list[int]:
    """What the model says by itself."""
    import torch

    with torch.no_grad():
        said = model.generate(
            torch.tensor([prompt]), max_new_tokens=tokens, do_sample=False, eos_token_id=None, pad_token_id=0
        )
    found: list[int] = said[0, len(prompt) :].tolist()
    return found
