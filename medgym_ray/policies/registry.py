"""Engines by the name that the configuration uses, be they ours or another package's."""

from collections.abc import Sequence
from pathlib import Path

from medgym_ray import plugins
from medgym_ray.config import POLICIES, ModelConfig
from medgym_ray.errors import ConfigError
from medgym_ray.plugins import Group
from medgym_ray.policies.base import Engine
from medgym_ray.policies.endpoint import EndpointPolicy
from medgym_ray.policies.scripted import HostedReplay
from medgym_ray.policies.simulated import SimulatedEngine
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.policies.vllm import VllmPolicy, load_template


def make_engine(model: ModelConfig, replica: str, lengths: Sequence[int] = (), key: str | None = None) -> Engine:
    """An engine, not yet warm. `lengths` are those of recorded replies, for model=simulated; `key` an endpoint's.

    Raises ConfigError, and what the engine does.
    """
    plugin = plugins.find(Group.POLICIES, model.kind, POLICIES)
    if plugin is not None:
        engine: Engine = plugin.make(Engine, model, replica)
        return engine
    if model.kind == "simulated":
        return SimulatedEngine(model.simulation, max_model_len=model.max_model_len, replica=replica, lengths=lengths)
    if model.kind == "openai":
        return EndpointPolicy(model.endpoint, replica, key or "")
    assert model.path is not None
    if model.kind == "replay":
        return HostedReplay(Path(model.path), replica)
    return VllmPolicy(model, replica)


def chat_template(model: ModelConfig) -> ChatTemplate | None:
    """What makes token ids of a conversation; None for a policy that takes text. Raises ConfigError."""
    plugin = plugins.find(Group.POLICIES, model.kind, POLICIES)
    takes_tokens = model.kind == "vllm" if plugin is None else getattr(plugin.load(), "takes_tokens", False)
    if not takes_tokens:
        return None
    if model.path is None:
        raise ConfigError(
            f"model.kind={model.kind} takes token ids: model.path=DIR has to say whose tokenizer makes them"
        )
    template: ChatTemplate = load_template(model.path)
    return template
