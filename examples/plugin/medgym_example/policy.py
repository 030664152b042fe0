"""A policy: answers by a rule instead of a model. It runs in replica actors, as an engine on GPUs would."""

import json
import re

from medgym_ray.config import ModelConfig
from medgym_ray.policies.base import Engine, Generation, GenerationRequest

_WEIGHT = re.compile(r"([\d.]+) kg")


class Rule(Engine):
    """`+model=rule`. Above 20 kg it goes on with 2 ml per kg, which is wrong, unless +model.engine.above_20=1."""

    def __init__(self, model: ModelConfig, replica: str) -> None:
        """`model` is the whole section of the configuration; `model.engine` is free for options of one's own."""
        self._above_20 = float(model.engine.get("above_20", 2))
        self._replica = replica

    async def generate(self, request: GenerationRequest) -> Generation:
        """A text policy reads the messages; one with `takes_tokens = True` is given `prompt_token_ids` instead.

        It raises PolicyError where it fails, EngineDead where it always will; neither becomes a reward.
        """
        asked = " ".join(message.content for message in request.messages)
        found = _WEIGHT.search(asked)
        kg = float(found[1]) if found else 0.0
        answer = 4 * min(kg, 10) + 2 * min(max(kg - 10, 0), 10) + self._above_20 * max(kg - 20, 0)
        reply = json.dumps({"action": "submit", "params": {"code": f"answer = {answer}"}})
        return Generation(reply, "stop", replica=self._replica, policy_version="4-2-1")
