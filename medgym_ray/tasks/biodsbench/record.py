"""A line of the original's task files: what it must hold, and how its paths are mapped."""

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from medgym_ray.tasks.biodsbench.asserts import assigned, wanted
from medgym_ray.tasks.biodsbench.topics import TOPICS, topic_of

TABLES = "/data/biodsbench"
"""Where cells find the tables of a study: `TABLES/<study>/<file>`."""
_WORKDIR = re.compile(r"(?<![\w/])/workdir\b")
_TABLE = re.compile(r"/workdir/([\w.-]+\.csv)")
_STUDY = re.compile(r"\w[\w.-]*")
_TEXTS = ("queries", "dataframes", "test_cases", "reference_answer")
_LISTS = ("chat_histories", "code_histories")
_PREAMBLE = "import numpy as np\nimport pandas as pd\n"
"""What the records' programs take for granted."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A record that can be used, its paths those of the sandbox."""

    name: str
    category: str
    study: str
    query: str
    earlier: list[str]
    description: str
    history: str
    tests: str
    reference: str
    results: list[str]
    """The variables that the tests read."""
    tables: frozenset[str]
    """File names of the tables it is about."""
    own: bool
    """Whether the record is in our extended form, which names its category."""


def analysis(fields: Mapping[str, Any]) -> Analysis:
    """Reads a record. Raises ValueError that says what is wrong with it."""
    texts = {name: _text(fields, name) for name in _TEXTS}
    study, question = (_identifier(fields, name) for name in ("study_ids", "question_ids"))
    earlier, histories = (_texts(fields, name) for name in _LISTS)
    history = _PREAMBLE + "\n".join(histories)
    results = _results(texts["test_cases"], history, texts["reference_answer"])
    if "category" in fields and fields["category"] not in TOPICS:
        raise ValueError(f"unknown category {fields['category']!r}")

    def mapped(text: str) -> str:
        return _WORKDIR.sub(f"{TABLES}/{study}", text)

    return Analysis(
        name=f"{study}_{question}",
        category=fields.get("category") or topic_of(texts["queries"], texts["reference_answer"], texts["test_cases"]),
        study=study,
        query=mapped(texts["queries"]).strip(),
        earlier=[mapped(text) for text in earlier],
        description=mapped(texts["dataframes"]).strip(),
        history=mapped(history),
        tests=mapped(texts["test_cases"]),
        reference=mapped(texts["reference_answer"]),
        results=results,
        tables=frozenset(_TABLE.findall("\n".join([texts["dataframes"], history, texts["reference_answer"]]))),
        own="category" in fields,
    )


def missing_tables(found: Analysis, present: Mapping[str, Collection[str]]) -> list[str]:
    """The tables of an analysis that are not there, `present` being file names by study."""
    return sorted(found.tables - set(present.get(found.study, ())))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"field {name!r} is missing or no text")
    return value


def _identifier(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    spelled = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _STUDY.fullmatch(spelled):
        raise ValueError(f"field {name!r} is no identifier")
    return spelled


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts, written as JSON or as Python source."""
    value = fields.get(name)
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value or "[]")
        except (ValueError, SyntaxError):
            value = None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"field {name!r} is no list of texts")
    return value


def _results(tests: str, history: str, reference: str) -> list[str]:
    bound: set[str] = set()
    for what, program in (("history", history), ("reference program", reference)):
        try:
            bound |= assigned(program)
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"the {what} is no Python: {error}") from None
    try:
        read = wanted(tests)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"the tests are no Python: {error}") from None
    if not (results := [name for name in read if name in bound]):
        raise ValueError("the tests read no variable of the reference program")
    return results
