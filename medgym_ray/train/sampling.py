"""The model in training as an engine: token ids in, token ids and log-probabilities out."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest
from medgym_ray.train.weights import Base, Device


class ModelSampler:
    """Samples with transformers' `generate`, as many requests at once as it is given."""

    def __init__(self, base: Base, on: Device, max_tokens: int, max_reply_tokens: int, temperature: float) -> None:
        """`max_tokens` bounds a whole sequence."""
        self._tokenizer, self._on = base.tokenizer, on
        self._room = max_tokens - max_reply_tokens
        self._reply_tokens, self._temperature = max_reply_tokens, temperature
        end_of_turn = base.template.reply("")[-1]
        self._ends = sorted({end_of_turn, base.tokenizer.eos_token_id})
        self._pad = base.tokenizer.pad_token_id

    def check_room(self, request: GenerationRequest) -> None:
        """Raises ContextFull where a whole reply may not fit."""
        if len(request.prompt_token_ids or ()) > self._room:
            raise ContextFull(f"{len(request.prompt_token_ids or ())} tokens leave no room for a reply")

    def sample(self, model: Any, requests: Sequence[GenerationRequest]) -> list[Generation]:
        """One reply to each, in their order."""
        prompts = [torch.tensor(list(request.prompt_token_ids or ())) for request in requests]
        ids = pad_sequence(prompts, batch_first=True, padding_value=self._pad, padding_side="left")
        mask = pad_sequence([torch.ones_like(row) for row in prompts], batch_first=True, padding_side="left")
        stops = {"stop_strings": list(requests[0].stop), "tokenizer": self._tokenizer} if requests[0].stop else {}
        training = model.training
        model.eval()
        try:
            with torch.no_grad(), torch.autocast(self._on.kind, torch.bfloat16, enabled=self._on.mixed):
                said = model.generate(
                    input_ids=ids.to(model.device),
                    attention_mask=mask.to(model.device),
                    max_new_tokens=self._reply_tokens,
                    do_sample=True,
                    temperature=self._temperature,
                    top_p=1.0,
                    top_k=0,
                    eos_token_id=self._ends,
                    pad_token_id=self._pad,
                    return_dict_in_generate=True,
                    output_scores=True,
                    **stops,
                )
            logprobs = model.compute_transition_scores(said.sequences, said.scores, normalize_logits=True)
        finally:
            model.train(training)
        rows = said.sequences[:, ids.shape[1] :].tolist()
        return [
            self._generation(request, row, row_logprobs)
            for request, row, row_logprobs in zip(requests, rows, logprobs.float().tolist(), strict=True)
        ]

    def _generation(self, request: GenerationRequest, row: list[int], logprobs: list[float]) -> Generation:
        length = self._length(request, row)
        ids = row[:length]
        ended = bool(ids) and ids[-1] in self._ends
        text = self._tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=True)
        return Generation(
            text=text,
            finish_reason="stop" if length < self._reply_tokens or ended else "length",
            token_ids=ids,
            logprobs=logprobs[:length],
            prompt_tokens=len(request.prompt_token_ids or ()),
            completion_tokens=length,
            replica="trainer",
        )

    def _length(self, request: GenerationRequest, row: list[int]) -> int:
        """Tokens until a turn's end or a stop text; what follows is padding."""
        ends = [place + 1 for place, token in enumerate(row) if token in self._ends]
        whole = min(ends, default=len(row))
        if not request.stop:
            return whole
        for length in range(1, whole):
            if any(stop in self._tokenizer.decode(row[:length]) for stop in request.stop):
                return length
        return whole
