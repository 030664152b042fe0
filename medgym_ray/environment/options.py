"""What `gymnasium.make` takes beside the id, as the configuration that every command checks."""

from dataclasses import dataclass

import yaml

from medgym_ray.config import AgentConfig, GenerateConfig, ModelConfig, SandboxConfig, TasksConfig
from medgym_ray.errors import ConfigError
from medgym_ray.paths import conf_dir
from medgym_ray.sandboxes.registry import KINDS
from medgym_ray.validation import validate


@dataclass(frozen=True, slots=True)
class Options:
    """Of one environment. Where nothing is said, they are those of `medgym_ray.generate`."""

    family: str
    root: str | None = None
    """The directory of the task files; unset: the bundled sample."""
    split: str = "test"
    limit: int | None = None
    """How many tasks."""
    agent: str = AgentConfig.format
    """json, tools or code"""
    protocol: str = GenerateConfig.protocol
    """submit or paper"""
    max_turns: int = AgentConfig.max_turns
    deadline_s: float = AgentConfig.deadline_s
    """Wall clock of one episode, the time between two steps included."""
    sandbox: str = "namespace"
    """namespace or docker"""

    def config(self, episodes: int) -> GenerateConfig:
        """As a run would have it, for so many episodes at once. Raises ConfigError."""
        config = GenerateConfig(
            model=ModelConfig(name="oracle", kind="oracle"),  # whoever steps is the model: there is none to check
            tasks=TasksConfig(families=[self.family], root=self.root, split=self.split, limit=self.limit),
            agent=AgentConfig(
                format=self.agent, max_turns=self.max_turns, deadline_s=self.deadline_s, turn_s=self.deadline_s
            ),
            sandbox=_sandbox(self.sandbox, episodes),
            protocol=self.protocol,
        )
        validate(config)
        return config


def _sandbox(kind: str, concurrency: int) -> SandboxConfig:
    if kind not in KINDS:
        raise ConfigError(f"sandbox={kind}: one of {', '.join(KINDS)}")
    keys = yaml.safe_load((conf_dir() / "sandbox" / f"{kind}.yaml").read_text(encoding="utf-8"))
    return SandboxConfig(**keys, concurrency=concurrency)
