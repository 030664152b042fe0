"""The pages of the generated reference, as Markdown."""

import inspect
import re
from collections.abc import Iterable, Sequence

from medgym_docs.commands import Command, commands
from medgym_docs.record import columns
from medgym_docs.settings import Section, sections
from medgym_ray import errors
from medgym_ray.config import GenerateConfig
from medgym_ray.models import configured_models
from medgym_ray.policies.shapes import MEMORY_GB, SHAPES, ranks_of
from medgym_ray.tasks.registry import FAMILIES, make_family
from medgym_ray.trajectory import SCHEMA_VERSION, Failure, Termination, Trajectory, Turn

_HEAD = ("key", "type", "default", "")


def pages() -> dict[str, str]:
    """Every page by its path."""
    known = commands()
    main = next(command for command in known if command.schema is GenerateConfig)
    shared = {section.schema: section for section in sections(main)}
    written = {f"commands/{command.name}.md": _command(command, command is main, shared) for command in known}
    return written | {
        "commands.md": _index(known),
        "models.md": _models(),
        "families.md": _families(),
        "record.md": _record(),
        "errors.md": _errors(),
    }


def _index(known: Sequence[Command]) -> str:
    rows = [(f"[`{command.name}`](commands/{command.name}.md)", _plain(_first_sentence(command))) for command in known]
    toc = "\n".join(f"commands/{command.name}" for command in known)
    return "\n\n".join(
        [
            "# Commands",
            "`python -m medgym_ray.NAME [KEY=VALUE …]`; installed, also `medgym-NAME`.",
            _grid(("command", ""), rows),
            f"```{{toctree}}\n:hidden:\n\n{toc}\n```\n",
        ]
    )


def _first_sentence(command: Command) -> str:
    text = " ".join(command.summary.split("\n\n")[0].split())
    return re.split(r": `python|, before| \(see ", text)[0].rstrip(".")


def _command(command: Command, is_main: bool, shared: dict[type, Section]) -> str:
    parts = [f"# {command.name}", _prose(command.summary)]
    if command.usage:
        parts.append(f"```text\n{command.usage}\n```")
    if command.switches:
        typed = ", ".join(f"`--{name}` is short for `{name}=true`" for name in command.switches)
        parts.append(f"{typed}.")
    if command.aliases:
        parts.append(", ".join(f"`{said}` is another word for `{key}`" for said, key in command.aliases.items()) + ".")
    told: set[str] = set()
    for section in sections(command):
        if any(section.prefix.startswith(prefix) for prefix in told):
            continue
        same = shared.get(section.schema)
        if not is_main and same is not None and same.prefix:
            told.add(section.prefix)
            parts += [f"## `{section.prefix}*`", _as_elsewhere(section, same)]
        elif section.keys:
            title = f"## `{section.prefix}*`" if section.prefix else "## Keys"
            parts += [title, _prose(section.meaning)]
            parts.append(_grid(_HEAD, ((f"`{k.name}`", k.type, k.default, _plain(k.meaning)) for k in section.keys)))
    return "\n\n".join(part for part in parts if part) + "\n"


def _as_elsewhere(section: Section, same: Section) -> str:
    """Shared keys are told once, those whose default differs again."""
    usual = {key.name.removeprefix(same.prefix): key.default for key in same.keys}
    other = [key for key in section.keys if usual.get(key.name.removeprefix(section.prefix)) != key.default]
    said = f"As [`{same.prefix}*` of `generate`](generate.md)."
    if other:
        said += " Other defaults: " + ", ".join(f"`{key.name}` {key.default or 'unset'}" for key in other) + "."
    return said


def _models() -> str:
    rows = []
    for model in configured_models():
        shape = SHAPES.get(model.name)
        try:
            gpus = "none" if shape is None or not model.gpus else str(ranks_of(model, MEMORY_GB))
        except errors.ConfigError:
            gpus = "more than 8"
        size = f"{shape.billions:.1f}" if shape else ""
        rows.append((f"`{model.name}`", f"`{model.path}`", size, f"{model.max_model_len:,}", gpus))
    head = ("`+model=`", "weights", "parameters, 10⁹", "context, tokens", f"GPUs of {MEMORY_GB:g} GB")
    return "\n\n".join(
        [
            "# Models",
            "What vLLM runs under these names; `python -m medgym_ray.models gpu_gb=N` reckons for other GPUs. "
            "`model.path=DIR` takes weights of the same shape from a directory. "
            "Beside them: `oracle`, `replay`, `simulated` and `openai`, which need no weights here.",
            _grid(head, rows) + "\n",
        ]
    )


def _families() -> str:
    made = [make_family(name) for name in FAMILIES]
    head = ("family", "categories", "in the paper: train", "test", "licence", "may be shared", "actions", "scorer")
    rows = [
        (
            f"`{family.name}`",
            str(len(family.categories)),
            *(f"{family.paper_sizes[split]:,}" if split in family.paper_sizes else "" for split in ("train", "test")),
            family.licence,
            "no" if family.restricted else "yes",
            ", ".join(f"`{kind}`" for kind in sorted(family.actions)),
            family.scorer_version,
        )
        for family in made
    ]
    parts = [
        "# Task families",
        "What `tasks=NAME` takes. The bundled sample is synthetic, open, and in every checkout; licences are those of "
        "the original records. `python -m medgym_ray.tasks` counts what is there.",
        _grid(head, rows),
    ]
    for family in made:
        parts += [f"## {family.name}", _prose(inspect.getdoc(type(family)) or "")]
        parts.append("Categories: " + ", ".join(family.categories) + ".")
    return "\n\n".join(parts) + "\n"


def _record() -> str:
    head = ("column", "Arrow type", "may be null", "")
    parts = [
        "# The record",
        f"Schema version {SCHEMA_VERSION}. `trajectories/` has one row per trajectory, `failures/` one per attempt "
        "that failed through a fault of ours. `medgym_ray/trajectory.py` defines both.",
    ]
    for record, title in ((Trajectory, "trajectories"), (Turn, "turns"), (Failure, "failures")):
        rows = ((f"`{name}`", f"`{arrow}`", null, _plain(meaning)) for name, arrow, null, meaning in columns(record))
        parts += [f"## {title}", _prose(inspect.getdoc(record) or ""), _grid(head, rows)]
    parts += ["## termination", _prose(inspect.getdoc(Termination) or "")]
    parts.append(", ".join(f"`{end.value}`" for end in Termination) + ".")
    return "\n\n".join(parts) + "\n"


def _errors() -> str:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.MedgymError)]
    rows = [(f"`{kind.__name__}`", str(kind.exit_code), _plain(inspect.getdoc(kind) or "")) for kind in kinds]
    return "\n\n".join(
        [
            "# Failures",
            "What ends a command is one line on stderr, `medgym_ray: …`, and an exit code. "
            "`MEDGYM_TRACEBACK=1` shows the traceback of an error that nobody foresaw.",
            _grid(("failure", "exit code", ""), rows),
            f"## By the boundary that was crossed\n\n```text\n{_tree(errors.__doc__ or '')}\n```\n",
        ]
    )


def _tree(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith(("MedgymError", "├", "│", "└")))


def _prose(text: str) -> str:
    """A docstring as Markdown: what is set apart by indentation is code, `<…>` no HTML."""
    return "\n\n".join(_paragraph(part) for part in text.split("\n\n"))


def _paragraph(text: str) -> str:
    return f"```text\n{inspect.cleandoc(text)}\n```" if text.startswith("    ") else _plain(text)


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    first, *lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in (head, *rows)]
    return "\n".join([first, "|" + " --- |" * len(head), *lines])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """Outside of code spans nothing is HTML, emphasis or a link."""
    spans = re.split(r"(`[^`]*`)", text)
    return "".join(s if n % 2 else re.sub(r"([<*_\[\]])", r"\\\1", s) for n, s in enumerate(spans))
