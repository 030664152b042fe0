"""The generated reference has everything that the code has, and the audit shown is that of today's scorers."""

import dataclasses
import re

import pytest

from medgym_ray.config import GenerateConfig
from medgym_ray.tasks.registry import FAMILIES, make_family
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Turn
from tests.conftest import REPOSITORY
from tests.docs.blocks import DOCS


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    from medgym_docs.pages import pages

    return pages()


def test_every_command_has_a_page_and_every_key_a_row(pages: dict[str, str]) -> None:
    configurations = {path.stem for path in (REPOSITORY / "conf").glob("*.yaml")}
    assert {name[9:-3] for name in pages if name.startswith("commands/")} == configurations
    generate = pages["commands/generate.md"]
    assert "| `tasks.limit` | int |  | Per family. |" in generate
    assert "| `sandbox.limits.cpu_s` | float | `20.0` |" in generate
    own = [f.name for f in dataclasses.fields(GenerateConfig)]
    assert [n for n in own if f"`{n}`" not in generate and f"`{n}.*`" not in generate] == []


def test_defaults_are_those_of_the_command_and_not_of_the_class(pages: dict[str, str]) -> None:
    assert "| `model.kind` | str | `oracle` |" in pages["commands/generate.md"]
    assert "`tasks.limit` `10`" in pages["commands/audit.md"]
    assert "| `run` | any | required |" in pages["commands/export.md"]


def test_the_record_has_every_column(pages: dict[str, str]) -> None:
    columns = [*TRAJECTORY_SCHEMA.names, *(f.name for f in dataclasses.fields(Turn))]
    assert [name for name in columns if f"| `{name}` |" not in pages["record.md"]] == []


def test_the_audit_that_is_shown_is_of_these_scorers() -> None:
    shown = dict(re.findall(r"^## (\w+): \d+ tasks, scorer (\S+)$", (DOCS / "audit" / "audit.md").read_text(), re.M))
    assert shown == {name: make_family(name).scorer_version for name in FAMILIES}
