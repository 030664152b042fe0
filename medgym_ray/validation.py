"""Whether a configuration can be meant: checked once, at the door, with one line for the first value that cannot be."""

import dataclasses
import math
from pathlib import Path
from urllib.parse import urlsplit

from medgym_ray import plugins
from medgym_ray.config import POLICIES, EndpointConfig, GatewayConfig, GenerateConfig, TasksConfig
from medgym_ray.errors import ConfigError
from medgym_ray.plugins import Group
from medgym_ray.sandboxes.base import Limits
from medgym_ray.sandboxes.packages import Packages


def validate(config: GenerateConfig) -> None:
    """Raises ConfigError with one line for the first value that cannot be meant."""
    _brought("model.kind", config.model.kind, POLICIES, Group.POLICIES)
    _one_of("protocol", config.protocol, ("submit", "paper"))
    _brought("sandbox.kind", config.sandbox.kind, ("namespace", "docker"), Group.SANDBOXES)
    _one_of("agent.format", config.agent.format, ("json", "tools", "code"))
    _one_of("agent.thoughts", config.agent.thoughts, ("keep", "strip"))
    _one_of("agent.debugger", config.agent.debugger, ("trace", "policy", "openai"))
    _one_of("judge.kind", config.judge.kind, ("none", "openai"))
    if config.agent.debugger == "policy" and config.model.kind not in ("openai", "vllm"):
        raise ConfigError(f"agent.debugger=policy: +model={config.model.name} has no words of its own; name a model")
    if config.agent.guided and (config.agent.format != "json" or config.model.kind not in ("openai", "vllm")):
        raise ConfigError("agent.guided=true needs agent.format=json and a model of vLLM or of an endpoint")
    validate_tasks(config.tasks)
    _check_numbers(config)
    _check_adaptive(config)
    _check_texts(config)
    _check_endpoints(config)
    sandbox = config.sandbox
    Packages(tuple(sandbox.packages), sandbox.wheelhouse, sandbox.index_url).check()
    if config.model.kind == "replay" and config.model.path is None:
        raise ConfigError("model=replay needs model.path=FILE.jsonl, the recorded replies")
    if config.model.kind == "oracle" and config.model.path is not None:
        raise ConfigError(f"model.path={config.model.path}: the oracle takes none; +model=replay does")


def validate_tasks(tasks: TasksConfig) -> None:
    """Raises ConfigError with one line, as `validate` does."""
    _one_of("tasks.source", tasks.source, ("all", "sample", "hub"))
    _one_of("tasks.split", tasks.split, ("train", "test"))
    if tasks.source == "sample" and tasks.root is not None:
        raise ConfigError("tasks=sample is the bundled data; leave out tasks.root, or say tasks=all")
    if tasks.source == "hub" and tasks.root is not None:
        raise ConfigError("tasks=hub reads what is public on the Hub; leave out tasks.root, or say tasks=all")
    if tasks.source != "hub" and tasks.hub is not None:
        raise ConfigError(f"tasks.hub={tasks.hub}: add tasks.source=hub")
    if tasks.scorer is not None:
        plugins.find(Group.SCORERS, tasks.scorer)


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{key}={value}: one of {', '.join(choices)}")


def _brought(key: str, value: str, ours: tuple[str, ...], group: Group) -> None:
    _one_of(key, value, (*ours, *plugins.names(group)))
    plugins.find(group, value, ours)


def _check_numbers(config: GenerateConfig) -> None:
    simulation = config.model.simulation
    positive = {
        "model.replicas": config.model.replicas,
        "model.tensor_parallel_size": config.model.tensor_parallel_size,
        "model.pipeline_parallel_size": config.model.pipeline_parallel_size,
        "model.max_model_len": config.model.max_model_len,
        "model.max_in_flight": config.model.max_in_flight,
        "model.simulation.prefill_tokens_s": simulation.prefill_tokens_s,
        "model.simulation.chunk_tokens": simulation.chunk_tokens,
        "model.simulation.step_ms": simulation.step_ms,
        "model.simulation.kv_tokens": simulation.kv_tokens,
        "model.simulation.reply_tokens": simulation.reply_tokens,
        "sampling.rollouts": config.sampling.rollouts,
        "sampling.probe": config.sampling.probe,
        "sampling.max_tokens": config.sampling.max_tokens,
        "agent.max_turns": config.agent.max_turns,
        "agent.attempts": config.agent.attempts,
        "agent.deadline_s": config.agent.deadline_s,
        "agent.turn_s": config.agent.turn_s,
        "sandbox.concurrency": config.sandbox.concurrency,
        "sandbox.work_mb": config.sandbox.work_mb,
        "sandbox.scratch_mb": config.sandbox.scratch_mb,
        "output.shard_mb": config.output.shard_mb,
        "output.shard_s": config.output.shard_s,
    } | {f"sandbox.limits.{f.name}": getattr(config.sandbox.limits, f.name) for f in dataclasses.fields(Limits)}
    optional = {
        "tasks.limit": config.tasks.limit,
        "sampling.pairs": config.sampling.pairs,
        "sampling.budget_rollouts": config.sampling.budget_rollouts,
        "sampling.budget_gpu_s": config.sampling.budget_gpu_s,
        "cluster.executors": config.cluster.executors,
        "cluster.episodes": config.cluster.episodes,
        "cluster.run_s": config.cluster.run_s,
        "cluster.tail_s": config.cluster.tail_s,
        "sandbox.cpus": config.sandbox.cpus,
    }
    for key, value in positive.items() | {(k, v) for k, v in optional.items() if v is not None}:
        if not value > 0:  # nan too
            raise ConfigError(f"{key}={value}: must be above 0")
    not_negative = {
        "model.gpus": config.model.gpus,
        "model.simulation.sequence_ms": simulation.sequence_ms,
        "model.simulation.reply_spread": simulation.reply_spread,
        "model.simulation.failures_per_hour": simulation.failures_per_hour,
        "cluster.drain_s": config.cluster.drain_s,
    } | {
        f"{setting}.usd_per_million.{price}": usd or 0.0
        for setting, endpoint in config.endpoints().items()
        for price, usd in dataclasses.asdict(endpoint.usd_per_million).items()
    }
    for key, value in not_negative.items():
        if not 0 <= value < math.inf:
            raise ConfigError(f"{key}={value}: must be 0 or above")
    if not 0 <= config.sampling.temperature < math.inf:
        raise ConfigError(f"sampling.temperature={config.sampling.temperature}: must be 0 or above")
    if not 0 < config.sampling.top_p <= 1:
        raise ConfigError(f"sampling.top_p={config.sampling.top_p}: must lie in (0, 1]")
    if not 0 <= config.model.mistakes <= 1:
        raise ConfigError(f"model.mistakes={config.model.mistakes}: must lie in [0, 1]")
    if config.model.hosted and config.model.kind != "replay":
        raise ConfigError("model.hosted=true: only +model=replay can be hosted; an engine always is")
    if config.model.lora is not None and config.model.kind != "vllm":
        raise ConfigError(f"model.lora={config.model.lora}: only a model of vLLM takes an adapter")
    if config.model.mistakes and not (config.model.scripted and config.model.path is None):
        raise ConfigError(
            f"model.mistakes={config.model.mistakes}: only +model=oracle, or =simulated with the oracle's words, makes "
            "mistakes on purpose"
        )
    if not -(2**63) <= config.seed < 2**63:
        raise ConfigError(f"seed={config.seed}: must fit 64 bits")


def _check_adaptive(config: GenerateConfig) -> None:
    sampling = config.sampling
    budgets = {"budget_rollouts": sampling.budget_rollouts, "budget_gpu_s": sampling.budget_gpu_s}
    for key, value in budgets.items():
        if value is not None and sampling.pairs is None:
            raise ConfigError(f"sampling.{key}={value}: only sampling=adaptive (sampling.pairs=N) has budgets")
    if sampling.budget_gpu_s is not None and not config.model.all_gpus():
        raise ConfigError(
            f"sampling.budget_gpu_s={sampling.budget_gpu_s}: +model={config.model.name} uses no GPU; "
            "give sampling.budget_rollouts"
        )
    if sampling.pairs is None:
        return
    if sampling.rollouts < 2 * sampling.pairs:
        raise ConfigError(
            f"sampling.pairs={sampling.pairs}: takes {2 * sampling.pairs} rollouts of a task and more; "
            f"sampling.rollouts={sampling.rollouts} is the most that one may get"
        )
    if sampling.probe > sampling.rollouts:
        raise ConfigError(f"sampling.probe={sampling.probe}: no more than sampling.rollouts={sampling.rollouts}")


def _check_endpoints(config: GenerateConfig) -> None:
    asked = config.endpoints()
    for setting, said, how, endpoint in (
        ("model.endpoint", f"+model={config.model.name}", "+model=openai", config.model.endpoint),
        (
            "agent.debugger_endpoint",
            f"agent.debugger={config.agent.debugger}",
            "agent.debugger=openai",
            config.agent.debugger_endpoint,
        ),
        ("judge.endpoint", f"judge.kind={config.judge.kind}", "judge.kind=openai", config.judge.endpoint),
    ):
        if setting in asked:
            _check_endpoint(setting, how, endpoint)
        elif endpoint != EndpointConfig():
            raise ConfigError(f"{setting}: {said} asks none; {how} does")


def _check_endpoint(setting: str, how: str, endpoint: EndpointConfig) -> None:
    if not (endpoint.model and endpoint.model.strip()):
        raise ConfigError(f"{how} needs {setting}.model=NAME, and {setting}.base_url=URL unless OpenAI's")
    if endpoint.base_url is None:
        if endpoint.azure_api_version is not None:
            raise ConfigError(f"{setting}.azure_api_version: give {setting}.base_url=https://NAME.openai.azure.com")
        return
    if not endpoint.base_url.strip():
        raise ConfigError(f"{setting}.base_url is empty; give {setting}.base_url=VALUE or leave it out")
    parts = urlsplit(endpoint.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{setting}.base_url={endpoint.base_url}: give http://HOST:PORT/v1 or https://HOST/v1")
    if "@" in parts.netloc or parts.query:
        raise ConfigError(
            f"{setting}.base_url: keys do not belong in an address; set {endpoint.key_env} in the environment"
        )


def _check_texts(config: GenerateConfig) -> None:
    texts = {
        "model.path": config.model.path,
        "tasks.root": config.tasks.root,
        "tasks.hub": config.tasks.hub,
        "tasks.medagentbench.fhir_base": config.tasks.medagentbench.fhir_base,
        "output.dir": config.output.dir,
        "cluster.address": config.cluster.address,
    }
    for key, text in texts.items():
        if text is not None and not text.strip():
            raise ConfigError(f"{key} is empty; give {key}=VALUE or leave it out")
    if config.tasks.families is not None and not all(name.strip() for name in config.tasks.families or [""]):
        raise ConfigError("tasks.families is empty; give tasks.families=[NAME,…] or leave it out")


def validate_gateway(config: GatewayConfig) -> None:
    """Raises ConfigError, as `validate` does."""
    gateway = config.gateway
    if config.model.kind in ("oracle", "simulated"):
        raise ConfigError(f"+model={config.model.name}: its words are those of our own agent; name a real model")
    if config.protocol != "submit":
        raise ConfigError(f"protocol={config.protocol}: an agent of another's submits; protocol=submit")
    if not 0 <= gateway.port < 2**16:
        raise ConfigError(f"gateway.port={gateway.port}: must lie in [0, 65535]")
    if gateway.command is None and (gateway.inside or gateway.folder):
        raise ConfigError("gateway.inside and gateway.folder: add gateway.command='…', which is to run there")
    if gateway.folder is not None and not (gateway.inside and Path(gateway.folder).expanduser().is_dir()):
        raise ConfigError(
            f"gateway.folder={gateway.folder}: give a directory, and gateway.inside=true: it is copied there"
        )
    if config.cluster.executors not in (None, 1):
        raise ConfigError(f"cluster.executors={config.cluster.executors}: a gateway is one; leave it out")
