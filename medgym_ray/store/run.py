"""A run's directory: opening it for a run (fresh or resumed), its configuration file and its dataset card."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.layout import ADAPTIVE, CARD, DROPPED, FAILURES, RUN_FILE, shards
from medgym_ray.store.recovery import Tally
from medgym_ray.store.roots import Root, directory

_CARD = """---
configs:
- config_name: trajectories
  default: true
  data_files:
  - split: train
    path: trajectories/*.parquet
{failures}license: other
tags:
- agent
- medical
- trajectories
---
# Trajectories by {model}

{rows} trajectories, {successes} successful, made by medgym_ray {version} (run `{run_key}`).

| family | trajectories | success |
|---|---|---|
{families}

`reward` is the true reward; `reward_paper` is what the original's published rule would have paid, and `judge_reward`,
where a judge was asked, a model's opinion. `run.yaml` holds the configuration, `manifest.jsonl` lists the shards. Rows
with `restricted` true may not be made public.
"""


def check_identity(root: Root, identity: Mapping[str, Any], *, resume: bool) -> bool:
    """True where the directory holds an earlier part of the same run. Raises ConfigError where it holds another."""
    try:
        content = directory(root).read(RUN_FILE)
        if content is None:
            return False
        earlier = dict(yaml.safe_load(content.decode("utf-8"))["identity"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{root}/{RUN_FILE}: cannot be read; choose another output.dir") from error
    except StorageError as error:
        raise ConfigError(str(error)) from error
    differing = [key for key in sorted({*earlier, *identity}) if earlier.get(key) != identity.get(key)]
    if differing:
        shown = ", ".join(f"{k}={identity.get(k)} (there: {earlier.get(k)})" for k in differing[:6])
        raise ConfigError(f"{root} holds a run with other settings: {shown}; choose another output.dir")
    if not resume:
        raise ConfigError(
            f"{root} already holds this run; say resume=true to go on with it, or choose another output.dir"
        )
    return True


def is_run(root: Root) -> bool:
    """Whether a run's directory is to be seen from here. Raises StorageError."""
    return directory(root).read(RUN_FILE) is not None


def write_run_file(
    root: Root, identity: Mapping[str, Any], config: Mapping[str, Any], versions: Mapping[str, str]
) -> None:
    """Writes run.yaml, whole or not at all. Raises StorageError."""
    content = {"identity": dict(identity), "config": dict(config), "versions": dict(versions)}
    # Through JSON: enums and paths become text, so that the file can be read without this package.
    text = yaml.safe_dump(json.loads(json.dumps(content, default=str)), allow_unicode=True)
    directory(root).write(RUN_FILE, text)


def read_run_file(root: Root) -> dict[str, Any]:
    """What run.yaml holds: identity, config and versions. Raises ConfigError where it is none of ours."""
    where = f"{root}/{RUN_FILE}"
    try:
        found = directory(root).read(RUN_FILE)
        content = yaml.safe_load((found or b"").decode("utf-8"))
    except StorageError as error:
        raise ConfigError(str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: cannot be read; restore it from a copy") from error
    if found is None:
        raise ConfigError(f"{where}: not there; give the directory of a run")
    parts = ("identity", "config", "versions")
    if not isinstance(content, dict) or not all(isinstance(content.get(part), dict) for part in parts):
        raise ConfigError(f"{where}: not the run file of a run")
    return content


def write_card(root: Root, tally: Tally, *, model: str, run_key: str, version: str) -> None:
    """Writes the dataset card, by which `datasets.load_dataset(DIR)` finds the shards. Raises StorageError.

    It is there before the first shard is: without it a reader would take the events for data.
    """
    families = "\n".join(f"| {f} | {n} | {s / n:.1%} |" for f, (n, s) in tally.by_family.items())
    store = directory(root)
    has_failures = bool(shards(store, FAILURES))
    failures = f"- config_name: {FAILURES.name}\n  data_files:\n  - split: train\n    path: failures/*.parquet\n"
    text = _CARD.format(
        failures=failures if has_failures else "",
        model=model,
        rows=tally.rows,
        successes=tally.successes,
        version=version,
        run_key=run_key[:12],
        families=families,
    )
    store.write(CARD, text)


def write_dropped(root: Root, reasons: Mapping[str, str]) -> None:
    """Lists the tasks that were left out, each with its reason. Raises StorageError."""
    lines = (json.dumps({"task_id": task, "reason": reason}, ensure_ascii=False) for task, reason in reasons.items())
    directory(root).write(DROPPED, "".join(f"{line}\n" for line in lines))


def read_dropped(root: Root) -> dict[str, str]:
    """The tasks that an earlier command left out, each with its reason. Raises StorageError."""
    try:
        rows = [json.loads(line) for line in (directory(root).read(DROPPED) or b"").splitlines()]
        return {row["task_id"]: row["reason"] for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{root}/{DROPPED}: cannot be read; remove it") from error


def write_adaptive(root: Root, report: Mapping[str, Any]) -> None:
    """Writes what adaptive sampling did. Raises StorageError."""
    directory(root).write(ADAPTIVE, json.dumps(report, indent=2) + "\n")
