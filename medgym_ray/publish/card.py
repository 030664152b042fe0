"""The dataset card: by its head `datasets` finds the files, and its text says what they are worth and to whom."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import DatasetInfo, Features
from datasets.info import DatasetInfosDict
from datasets.splits import SplitDict, SplitInfo
from huggingface_hub import DatasetCardData

import medgym_ray
from medgym_ray import privacy
from medgym_ray.audit.report import FamilyReport, summary_markdown
from medgym_ray.cli import quoted
from medgym_ray.evaluate.comparability import reservations
from medgym_ray.evaluate.entrants import Entrant, read_entrants
from medgym_ray.evaluate.estimates import Figures, estimate_run
from medgym_ray.evaluate.intervals import Resampling
from medgym_ray.evaluate.tables import Evaluation, markdown, markdown_table
from medgym_ray.export.files import DATA
from medgym_ray.identity import flat, identity_key
from medgym_ray.publish.files import VIEWS, PublishedFile
from medgym_ray.publish.settings import PublishConfig
from medgym_ray.publish.survey import Survey
from medgym_ray.publish.views import PublishedView
from medgym_ray.store.atomic import write_text
from medgym_ray.store.layout import CARD
from medgym_ray.store.stored import StoredRun
from medgym_ray.trajectory import TRAJECTORY_SCHEMA

_DEFAULT = "default"
_RESAMPLING = Resampling(resamples=2000, confidence=0.95, seed=0)
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_AGREEMENTS = {
    "open": "open; the licence of the family's source stands",
    "physionet-1.5.0": "PhysioNet Credentialed Health Data Use Agreement 1.5.0",
    "stanford-ehrshot": "Stanford's data use agreement of EHRSHOT",
}
_OF_SOURCES = {"medcalcbench": "open, CC BY-SA"}
_INVENTED = "open; the synthetic sample of medgym_ray (invented patients), Apache-2.0"
_TOLD = (
    *("sampling.rollouts", "sampling.temperature", "sampling.top_p", "sampling.max_tokens", "sampling.pairs"),
    *("agent.format", "agent.max_turns", "agent.guided", "agent.thoughts", "agent.debugger", "protocol", "judge.kind"),
    *("tasks.families", "tasks.split", "tasks.limit", "tasks.source", "sandbox.kind", "model.kind", "model.mistakes"),
    "seed",
)
"""Settings that a reader needs, and of which none names a place on anybody's machine."""
_TYPED = (
    *("tasks.families", "tasks.split", "tasks.limit", "sampling.rollouts", "sampling.temperature", "sampling.top_p"),
    *("sampling.max_tokens", "agent.format", "agent.max_turns", "protocol", "seed"),
)

_VERSIONS = ("medgym_ray", "ray", "rescored_by", "vllm")

_LIMITS = """- A success says that a program gave the right answer to a task of a benchmark. It says nothing of care:
  nothing in here is medical advice, and no model trained on it may be used on patients without trials of its own.
- Messages, programs and answers were written by a language model and run in a sandbox: text and code not to be trusted.
- Rows of `split` `test` are of the benchmark's test tasks: who trains on them cannot test by them.
- `reward` is the true reward; `reward_paper` is what the original's published rule would have paid, and `judge_reward`
  a model's opinion. Neither of the latter should be trained on."""

_CITATION = """```bibtex
@software{{medgym_ray,
  title = {{medgym_ray: a trajectory factory for agents that reason about medicine by writing code}},
  version = {{{version}}},
}}
@misc{{medagentgym,
  title = {{MedAgentGym: Training LLM Agents for Code-Based Medical Reasoning at Scale}},
  author = {{Xu, Ran and others}},
  year = {{2025}},
}}
```"""

_REDACTED = (
    "**{rows} rows, of {families}, are of restricted data sets and have been redacted**: whatever was read or written "
    "of patients (messages, programs, observations, answers, tokens and their log-probabilities) is null, identifiers "
    "are digests, and scores, counts and times are as they were."
)
_RESTRICTED = (
    "**{rows} rows, of {families}, hold data of patients. They may not be made public, nor be given to anybody who is "
    "not bound by the agreement of their data set**, which the table of licences names.{agreement}"
)
_UNAUDITED = (
    "No audit of the scorers was given with this data set. `python -m medgym_ray.audit` makes one, and `audit=FILE` "
    "puts it here. Without it, what the best constant answer earns in each family is not known."
)


@dataclass(frozen=True, slots=True)
class Publication:
    """All that is known of what is published."""

    config: PublishConfig
    run: StoredRun
    found: Survey
    entrant: Entrant
    views: Sequence[PublishedView]
    audit: Sequence[FamilyReport]
    files: Sequence[PublishedFile]

    def settings(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "medgym_ray": medgym_ray.__version__,
            "run": identity_key(self.run.identity)[:12],
            "tasks_sha256": self.task_hash(),
            "trajectories": self.found.count(),
            "restricted": self.found.restricted.total(),
            "redacted": self.config.redact,
            **privacy.provenance(self.config.privacy),
        }

    def task_hash(self) -> str:
        """Of the names and records of all tasks, as far as they may be seen."""
        tasks = self.entrant.tasks["data"].astype(str)
        lines = (f"{'/'.join(map(str, name))} {sha}\n" for name, sha in tasks.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def figures_of(run: StoredRun) -> Entrant:
    """The rollouts of a run, without their texts. Raises ConfigError."""
    return read_entrants([run], [])[0]


def write_card(folder: Path, publication: Publication) -> None:
    """Raises StorageError."""
    write_text(folder / CARD, f"---\n{_head(publication)}\n---\n{_body(publication)}")


def _head(publication: Publication) -> str:
    found = publication.found
    data = DatasetCardData(
        language=["en"],
        license="other",
        license_name="per-family",
        pretty_name=f"Trajectories of {_model(publication)} on medical tasks",
        task_categories=["text-generation"],
        tags=["agent", "medical", "trajectories", "tool-use", "reinforcement-learning", "medgym_ray"],
        size_categories=[next((name for below, name in _SIZES if found.count() < below), _LARGEST)],
        configs=_configs(publication),
    )
    _info(publication).to_dataset_card_data(data)
    text: str = data.to_yaml()
    return text.strip()


def _configs(publication: Publication) -> list[dict[str, Any]]:
    found = publication.found
    configs: list[dict[str, Any]] = [
        {"config_name": _DEFAULT, "default": True, "data_files": _data_files(f"{DATA}/*", found.splits())}
    ]
    if len(found.families) > 1:
        for family in found.families:
            configs.append({"config_name": family, "data_files": _data_files(f"{DATA}/{family}", found.splits(family))})
    for view in publication.views:
        configs.append({"config_name": view.name, "data_files": _data_files(f"{VIEWS}/{view.name}", view.sides)})
    return configs


def _data_files(folder: str, splits: Sequence[str]) -> list[dict[str, str]]:
    return [{"split": str(split), "path": f"{folder}/{split}-*.parquet"} for split in splits]


def _info(publication: Publication) -> DatasetInfosDict:
    """Of the default configuration; that of a family has the same columns."""
    found, splits = publication.found, SplitDict()
    for split in found.splits():
        sizes = [file.bytes for file in publication.files if _is_of(file, split)]
        splits.add(SplitInfo(name=split, num_bytes=sum(sizes), num_examples=found.count(split=split)))
    size = sum(split.num_bytes for split in splits.values())
    features = Features.from_arrow_schema(TRAJECTORY_SCHEMA)
    info = DatasetInfo(features=features, splits=splits, download_size=size, dataset_size=size)
    return DatasetInfosDict({_DEFAULT: info})


def _is_of(file: PublishedFile, split: str) -> bool:
    folder, _, name = file.path.rpartition("/")
    return folder.startswith(f"{DATA}/") and name.rpartition("-")[0] == split


def _body(publication: Publication) -> str:
    found = publication.found
    model = _code(_model(publication))
    counts = f"{found.count():,} trajectories of {len(publication.entrant.tasks):,} tasks"
    parts = [
        f"# Medical agents at work: {counts} by {model}",
        "Each row is one scored episode of an agent that answers a medical question by writing code: its messages, its "
        "turns, exact tokens where the engine told them, a true reward and where it comes from.",
        _privacy(publication),
        f"## Loading\n\n{_loading(publication)}",
        f"## Rows\n\n{_rows(found)}",
        *([f"## Training views\n\n{_views(publication.views)}"] if publication.views else []),
        f"## Licences\n\n{_licences(publication)}",
        _evaluation(publication.entrant),
        f"## Are the rewards true\n\n{_audit(publication)}",
        f"## How it was made\n\n{_making(publication)}",
        f"## Limits of use\n\n{_LIMITS}",
        f"## Citation\n\n{_CITATION.format(version=medgym_ray.__version__)}",
    ]
    return "\n\n".join(parts) + "\n"


def _privacy(publication: Publication) -> str:
    restricted = publication.found.restricted
    with_views = {family for view in publication.views for family in view.restricted}
    families = ", ".join(sorted({*(f for f, n in restricted.items() if n), *with_views}))
    if not families:
        return "No row is restricted."
    if publication.config.redact:
        return _REDACTED.format(rows=restricted.total(), families=families)
    named = privacy.provenance(publication.config.privacy).get("agreement")
    agreement = f" They are here under: {_code(named)}." if named else ""
    return _RESTRICTED.format(rows=restricted.total(), families=families, agreement=agreement)


def _loading(publication: Publication) -> str:
    repo = publication.config.repo or "USER/NAME"
    found, split = publication.found, publication.found.splits()[0]
    lines = ["```python", "from datasets import load_dataset", "", f'rows = load_dataset("{repo}", split="{split}")']
    lines += ['successes = rows.filter(lambda row: row["success"])']
    if len(found.families) > 1:
        lines.append(f'family = load_dataset("{repo}", "{found.families[0]}")')
    lines += [f'view = load_dataset("{repo}", "{view.name}")' for view in publication.views[:1]]
    return "\n".join([*lines, "```"])


def _rows(found: Survey) -> str:
    splits = found.splits()
    rows = [
        [
            family,
            *(f"{found.count(family, split):,}" for split in splits),
            str(len(found.of_family[family]["category"])),
            ", ".join(sorted(found.of_family[family]["scorer_version"])),
            f"{found.restricted[family]:,}",
        ]
        for family in found.families
    ]
    rows.append(
        ["all", *(f"{found.count(split=split):,}" for split in splits), "", "", f"{found.restricted.total():,}"]
    )
    return markdown_table(["family", *splits, "categories", "scorer", "restricted rows"], rows)


def _views(views: Sequence[PublishedView]) -> str:
    rows = [[view.name, ", ".join(f"{side} {view.rows(side):,}" for side in view.sides), view.about] for view in views]
    return markdown_table(["configuration", "examples", "a row"], rows)


def _licences(publication: Publication) -> str:
    tasks = publication.run.config.get("tasks")
    invented = isinstance(tasks, Mapping) and tasks.get("root") is None and tasks.get("source") != "hub"
    rows = []
    for family in publication.found.families:
        for licence in sorted(publication.found.of_family[family]["licence"]):
            meant = _AGREEMENTS.get(licence, licence)
            if licence == "open":
                meant = _INVENTED if invented else _OF_SOURCES.get(family, meant)
            rows.append([family, licence, meant])
    return markdown_table(["family", "licence in its rows", "that is"], rows)


def _evaluation(entrant: Entrant) -> str:
    """As medgym_ray.evaluate tells it, a heading lower."""
    figures = Figures(estimate_run(entrant, _RESAMPLING))
    told = markdown(
        Evaluation([entrant], figures, [], reservations([entrant]), _RESAMPLING, medgym_ray.__version__)
    ).strip()
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in told.splitlines())


def _audit(publication: Publication) -> str:
    families = publication.found.families
    reports = [report for report in publication.audit if report.name in families]
    if not reports:
        return _UNAUDITED
    of_family = publication.found.of_family
    notes = [
        f"{report.name}: audited was scorer {report.scorer_version}, its rows were scored by "
        f"{', '.join(sorted(of_family[report.name]['scorer_version']))}."
        for report in reports
        if of_family[report.name]["scorer_version"] != {report.scorer_version}
    ]
    lacking = sorted(set(families) - {report.name for report in reports})
    notes += [f"Not in the audit: {', '.join(lacking)}."] if lacking else []
    text = (
        "Programs whose worth is known were run against every scorer (`python -m medgym_ray.audit`). Of the oracle and "
        "of honest variants all must be accepted, of near misses none, and no cheat may earn more than the best "
        "constant answer. `best constant` is what anybody earns who reads no question."
    )
    return "\n\n".join([text, summary_markdown(reports), *notes])


def _making(publication: Publication) -> str:
    run, names = publication.run, publication.found.of_all
    settings = flat(dict(run.config))
    rows = [[key, _shown(settings[key])] for key in _TOLD if settings.get(key) is not None]
    rows += [[key, ", ".join(sorted(values))] for key, values in sorted(names.items()) if values]
    rows += [[f"versions.{key}", str(value)] for key, value in sorted(run.versions.items()) if key in _VERSIONS]
    rows += [["run key", identity_key(run.identity)[:12]], ["tasks sha256", publication.task_hash()]]
    return f"```\n{_command(publication, settings)}\n```\n\n{markdown_table(['', ''], rows)}"


def _command(publication: Publication, settings: Mapping[str, Any]) -> str:
    typed = [f"{key}={_shown(settings[key])}" for key in _TYPED if settings.get(key) not in (None, [])]
    words = [f"+model={_model(publication)}", *typed]
    return " ".join(["python -m medgym_ray.generate", *(word if _is_plain(word) else quoted(word) for word in words)])


def _is_plain(word: str) -> bool:
    return all(letter.isalnum() or letter in "+=._-/" for letter in word)


def _shown(value: Any) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _model(publication: Publication) -> str:
    return publication.entrant.model


def _code(text: str) -> str:
    """A name of somebody else's, as code."""
    return f"`{' '.join(text.replace('`', '').split())}`"
