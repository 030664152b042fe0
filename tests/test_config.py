"""The configuration at the door: what cannot be meant is one line, and a run's key changes with what a run is."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from medgym_ray.cli.arguments import plain_groups
from medgym_ray.cli.composition import load
from medgym_ray.cli.wording import explain
from medgym_ray.config import EndpointConfig, GenerateConfig, PricesConfig, SimulationConfig
from medgym_ray.errors import ConfigError
from medgym_ray.identity import identity, run_key
from medgym_ray.paths import conf_dir
from medgym_ray.sampling.goal import Goal
from medgym_ray.validation import validate


def _config(**values: Any) -> GenerateConfig:
    """The oracle in namespaces, with dotted keys (`__` for a dot) set."""
    config = GenerateConfig()
    config.model.name = config.model.kind = "oracle"
    config.sandbox.kind = "namespace"
    for key, value in values.items():
        *path, name = key.split("__")
        node: Any = config
        for step in path:
            node = getattr(node, step)
        assert name in {f.name for f in dataclasses.fields(node)}, key
        setattr(node, name, value)
    return config


def test_the_defaults_are_valid() -> None:
    validate(_config())


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("model__kind", "vlm", "one of oracle, openai, replay, simulated, vllm"),
        ("protocol", "free", "one of submit, paper"),
        ("sandbox__kind", "", "one of namespace, docker"),
        ("agent__format", "xml", "one of json"),
        ("tasks__source", "some", "one of all, sample, hub"),
        ("tasks__split", "dev", "one of train, test"),
        ("sampling__top_p", 0.0, "must lie in (0, 1]"),
        ("sampling__top_p", 1.01, "must lie in (0, 1]"),
        ("sampling__top_p", float("nan"), "must lie in (0, 1]"),
        ("sampling__temperature", -0.1, "must be 0 or above"),
        ("sampling__temperature", float("nan"), "must be 0 or above"),
        ("seed", 2**63, "must fit 64 bits"),
        ("tasks__root", " ", "is empty; give tasks.root=VALUE"),
        ("tasks__hub", "", "add tasks.source=hub"),
        ("output__dir", "", "is empty; give output.dir=VALUE"),
        ("cluster__address", "", "is empty; give cluster.address=VALUE"),
        ("model__path", "", "is empty; give model.path=VALUE"),
        ("tasks__families", [], "is empty; give tasks.families=[NAME,…]"),
        ("tasks__families", ["npowerai", ""], "is empty; give tasks.families=[NAME,…]"),
        ("model__kind", "replay", "needs model.path=FILE.jsonl"),
        ("agent__debugger", "gpt", "one of trace, policy, openai"),
        ("agent__debugger", "policy", "+model=oracle has no words of its own"),
        ("agent__debugger", "openai", "needs agent.debugger_endpoint.model=NAME"),
        ("agent__debugger_endpoint__model", "m", "agent.debugger=trace asks none; agent.debugger=openai does"),
        ("judge__kind", "llm", "one of none, openai"),
        ("judge__kind", "openai", "needs judge.endpoint.model=NAME"),
        ("judge__endpoint__model", "m", "judge.kind=none asks none; judge.kind=openai does"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(key: str, value: Any, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate(_config(**{key: value}))
    message = str(refused.value)
    assert why in message
    assert "\n" not in message
    assert message.startswith((key.replace("__", ".").removesuffix(".model"), "model=replay"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"base_url": " "}, "judge.endpoint.base_url is empty"),
        ({"base_url": "host:80"}, "judge.endpoint.base_url=host:80: give http://HOST:PORT/v1"),
        ({"base_url": "https://key@host/v1"}, "judge.endpoint.base_url: keys do not belong in an address"),
        ({"azure_api_version": "1"}, "judge.endpoint.azure_api_version: give judge.endpoint.base_url"),
        ({"usd_per_million": PricesConfig(prompt=-1)}, "judge.endpoint.usd_per_million.prompt=-1: must be 0 or above"),
    ],
)
def test_every_endpoint_is_looked_at_alike(changes: dict[str, Any], why: str) -> None:
    endpoint = EndpointConfig(**{"model": "m", **changes})
    with pytest.raises(ConfigError) as refused:
        validate(_config(judge__kind="openai", judge__endpoint=endpoint))
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize("value", [0, -1, float("nan")])
@pytest.mark.parametrize(
    "key",
    [
        *("model__replicas", "model__max_in_flight", "sampling__rollouts", "sampling__max_tokens", "agent__max_turns"),
        *("agent__attempts", "agent__deadline_s", "sandbox__concurrency", "sandbox__work_mb", "output__shard_s"),
        *("sandbox__limits__wall_s", "sandbox__limits__answer_bytes", "tasks__limit", "cluster__executors"),
        *("sandbox__cpus", "agent__turn_s", "cluster__run_s", "cluster__tail_s"),
        *("sampling__pairs", "sampling__probe", "sampling__budget_rollouts", "sampling__budget_gpu_s"),
    ],
)
def test_counts_and_limits_are_above_nothing(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"^{key.replace('__', '.')}=.*: must be above 0$"):
        validate(_config(**{key: value}))


def test_the_bundled_sample_and_a_root_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match=r"leave out tasks\.root, or say tasks=all"):
        validate(_config(tasks__source="sample", tasks__root="/data"))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"budget_rollouts": 9}, "sampling.budget_rollouts=9: only sampling=adaptive (sampling.pairs=N) has budgets"),
        ({"budget_gpu_s": 9.0}, "sampling.budget_gpu_s=9.0: only sampling=adaptive (sampling.pairs=N) has budgets"),
        ({"pairs": 4, "rollouts": 8, "budget_gpu_s": 9.0}, "+model=oracle uses no GPU; give sampling.budget_rollouts"),
        ({"pairs": 4, "rollouts": 7}, "sampling.pairs=4: takes 8 rollouts of a task and more; sampling.rollouts=7 is"),
        ({"pairs": 1, "rollouts": 2, "probe": 3}, "sampling.probe=3: no more than sampling.rollouts=2"),
    ],
)
def test_adaptive_sampling_that_cannot_be_meant_is_named(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        validate(_config(**{f"sampling__{key}": value for key, value in values.items()}))
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_goal_counts_gpus_and_what_earlier_commands_have_worked() -> None:
    assert _config().goal(0.0) is None
    config = _config(model__kind="vllm", model__replicas=4, model__tensor_parallel_size=2, sampling__pairs=3)
    assert config.goal(50.0) == Goal(pairs=3, probe=4)
    config.sampling.budget_gpu_s, config.sampling.budget_rollouts = 800.0, 99
    assert config.goal(30.0) == Goal(pairs=3, probe=4, rollouts=99, seconds=70.0)


def test_bounds_themselves_are_allowed() -> None:
    validate(_config(sampling__temperature=0.0, sampling__top_p=1.0, seed=-(2**63), tasks__limit=1))


# Every leaf of the configuration: whether it decides what a trajectory is.
NOT_IDENTITY = {
    *("agent.attempts", "model.env", "model.max_in_flight", "model.replicas", "resume", "sampling.rollouts"),
    *("sandbox.concurrency", "tasks.limit", "cluster.address", "cluster.executors", "cluster.drain_s"),
    *("cluster.run_s", "cluster.tail_s", "model.hosted", "output.dir", "output.shard_mb", "output.shard_s"),
    *("cluster.episodes", "privacy.hosts", "privacy.allow_third_party", "privacy.agreement"),
    *(
        f"{setting}.usd_per_million.{price.name}"
        for setting in ("model.endpoint", "agent.debugger_endpoint", "judge.endpoint")
        for price in dataclasses.fields(PricesConfig)
    ),
    *(f"model.simulation.{f.name}" for f in dataclasses.fields(SimulationConfig)),
    *("sampling.pairs", "sampling.probe", "sampling.budget_rollouts", "sampling.budget_gpu_s"),
}
_OTHER: dict[type, Callable[[Any], Any]] = {
    bool: lambda v: not v,
    int: lambda v: v + 1,
    float: lambda v: v + 0.5,
    str: lambda v: f"{v}x",
    list: lambda v: [*v, "x"],
    dict: lambda v: {**v, "x": 1},
    type(None): lambda v: "x",
}


def _leaves(node: Any, prefix: str = "") -> list[tuple[str, Any, str]]:
    found = []
    for f in dataclasses.fields(node):
        value = getattr(node, f.name)
        inner = dataclasses.is_dataclass(value)
        found += _leaves(value, f"{prefix}{f.name}.") if inner else [(f"{prefix}{f.name}", node, f.name)]
    return found


@pytest.mark.parametrize("key", [key for key, _, _ in _leaves(_config())])
def test_the_run_key_changes_with_what_a_trajectory_is_and_with_nothing_else(key: str) -> None:
    config = _config()
    before = run_key(config)
    node, name = next((n, f) for k, n, f in _leaves(config) if k == key)
    value = getattr(node, name)
    setattr(node, name, _OTHER[type(value)](value))
    assert (run_key(config) == before) == (key in NOT_IDENTITY)
    assert any(k == key or k.startswith(f"{key}.") for k in identity(config)) == (key not in NOT_IDENTITY)


def test_the_run_key_is_the_same_in_every_order_and_copy() -> None:
    config = _config(model__engine={"a": 1, "b": {"c": 2}})
    other = copy.deepcopy(config)
    other.model.engine = {"b": {"c": 2}, "a": 1}
    assert run_key(config) == run_key(other)
    assert len(run_key(config)) == 64
    assert identity(config)["model.engine.b.c"] == 2


def test_a_tasks_root_is_the_same_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = {run_key(_config(tasks__root=root)) for root in ("data", "./data/", str(tmp_path / "data"), "~/data")}
    assert len(keys) == 1


def test_a_group_may_be_chosen_with_or_without_a_plus() -> None:
    typed = [
        "+model=qwen7b",
        "model=oracle",
        "+tasks=sample",
        "+model.engine.x=1",
        "+other=1",
        "seed=1",
        "+sandbox=docker",
    ]
    assert plain_groups(typed) == [
        *("model=qwen7b", "model=oracle", "tasks=sample", "+model.engine.x=1", "+other=1", "seed=1", "sandbox=docker")
    ]


def _compose(*overrides: str) -> GenerateConfig:
    ConfigStore.instance().store(name="generate_schema", node=GenerateConfig)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return load(compose("generate", overrides=list(overrides)), GenerateConfig)


@pytest.mark.parametrize("model", sorted(path.stem for path in (conf_dir() / "model").glob("*.yaml")))
def test_every_model_composes(model: str) -> None:
    config = _compose(f"model={model}")
    assert config.model.name == model
    if model == "replay":
        config.model.path = "replies.jsonl"
    if model == "openai":
        config.model.endpoint.model = "served"
    validate(config)


@pytest.mark.parametrize("group", ["tasks", "sampling", "agent", "sandbox", "cluster", "output"])
def test_every_choice_of_every_group_composes(group: str) -> None:
    for path in (conf_dir() / group).glob("*.yaml"):
        validate(_compose(f"{group}={path.stem}"))


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("model=qwn7b", "no model called 'qwn7b' (did you mean 'qwen7b'?); type model=NAME with one of: "),
        ("sed=1", "no key called 'sed' (did you mean 'seed'?); keys: model, tasks, "),
        ("agent.max_turn=1", "no key called 'agent.max_turn' (did you mean 'max_turns'?); keys of agent: format, "),
        ("seed=abc", "seed=abc: Value 'abc' of type 'str' could not be converted to Integer"),
        ("resume=maybe", "resume=maybe: Value 'maybe' is not a valid bool (type str)"),
        ("output.dir=a=b", "output.dir=a=b: cannot be read as KEY=VALUE; quote a value"),
    ],
)
def test_an_error_of_hydras_is_one_line_that_says_what_to_type(override: str, line: str) -> None:
    with pytest.raises((HydraException, OmegaConfBaseException)) as refused:
        _compose(override)
    told = explain(refused.value)
    assert told.startswith(line)
    assert "\n" not in told


def test_a_key_that_was_added_or_has_no_value_is_told() -> None:
    with pytest.raises(ConfigError, match=r"no key called 'model\.foo'; keys of model: name, kind"):
        _compose("+model.foo=1")
    with pytest.raises(
        ConfigError, match=r"^no value for model\.kind, model\.name; add model\.kind=VALUE model\.name="
    ):
        load(OmegaConf.create({"model": {"name": "???", "kind": "???"}}), GenerateConfig)
