"""The fenced blocks and code spans of the documentation, and the commands in them.

What a block is for, its language says: `console` is typed at `$ ` prompts and executed, with `…` in the lines below for
what differs from run to run; `python` is executed; in any other block, and in code spans, commands of this project are
only looked at. A comment above a block says more: `<!-- needs: PART -->`, it cannot be executed everywhere, so it is
looked at too; `<!-- exits: N -->`, its commands end with that code.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "generated" not in p.parts)]
"""Generated pages hold the usage lines that commands print themselves."""
_MARK = re.compile(r"<!--\s*(needs|exits):\s*(.+?)\s*-->")
OURS = re.compile(r"(?:python -m (?:medgym_ray|benchmarks)[.\w]*|make [a-z]|pip install |ray job submit )")
"""How a command of ours begins, or one that carries one."""


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its fence."""

    page: Path
    line: int
    language: str
    text: str
    needs: str = ""
    exits: int = 0

    @property
    def where(self) -> str:
        """For a reader of a failure."""
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


@dataclass(frozen=True)
class Typed:
    """A command at a prompt, and the lines that are said to follow."""

    command: str
    output: tuple[str, ...]


@dataclass(frozen=True)
class Usage:
    """A command that is shown, with placeholders in capitals, choices (`a|b`) and what may be left out (`[…]`)."""

    where: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    found, marks = [], {}
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        if token.type == "html_block":
            marks = dict(_MARK.findall(token.content))
        elif token.type == "fence":
            line = token.map[0] + 1 if token.map else 0
            exits = int(marks.get("exits", 0))
            found.append(Block(page, line, token.info.strip(), token.content, marks.get("needs", ""), exits))
            marks = {}
        elif token.level == 0 and token.nesting >= 0:
            marks = {}
    return found


def executed(page: Path) -> list[Block]:
    """Blocks that a reader can run anywhere. README shows; the tutorial is where the same is run."""
    if page.parent == REPOSITORY:
        return []
    return [block for block in blocks(page) if block.language in ("console", "python") and not block.needs]


def typed(block: Block) -> list[Typed]:
    """The commands of a console block."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            assert found, f"{block.where}: output before any command"
            found[-1][1].append(line)
    return [Typed(command, tuple(output)) for command, output in found]


def usages(page: Path) -> Iterator[Usage]:
    """Every command of ours that is shown and not executed, in blocks and in code spans."""
    run = executed(page)
    for block in blocks(page):
        if block in run or block.language in ("python", "{include}", "{toctree}", "{eval-rst}"):
            continue
        for line in _joined(block):
            if OURS.match(line):
                yield Usage(block.where, line)
    for where, text in _spans(page):
        if OURS.match(text):
            yield Usage(where, text)


def settings(page: Path) -> Iterator[tuple[str, str]]:
    """Where the text speaks of `section.key=value`, and the word as a shell would hand it on."""
    for where, text in _spans(page):
        if re.match(r"""['"]?\+?[a-z_]+(\.\w+)+=\S""", text) and len(words := shlex.split(text)) == 1:
            yield where, words[0]


def _spans(page: Path) -> Iterator[tuple[str, str]]:
    """The code spans of a page."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        for span in token.children or []:
            if span.type == "code_inline":
                line = token.map[0] + 1 if token.map else 0
                yield f"{page.relative_to(REPOSITORY)}:{line}", " ".join(span.content.split())


def _joined(block: Block) -> list[str]:
    """Lines without prompts and comments; one that is indented goes on with the one above."""
    lines: list[str] = []
    for line in block.text.replace("\\\n", "").splitlines():
        bare = re.sub(r"(^|\s+)#.*", "", line.removeprefix("$ "))
        if bare.startswith(" ") and lines:
            lines[-1] += " " + bare.strip()
        elif bare:
            lines.append(bare)
    return lines
