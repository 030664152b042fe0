"""SQL text as tokens: enough to tell a literal from a keyword, for whoever changes a query without parsing it."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<string>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])'
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[^\W\d][\w$]*)"
    r"|(?P<symbol><=|>=|<>|!=|==|\|\||.)",
    re.DOTALL,
)


class Kind(StrEnum):
    """What a token is. Comments are SPACE; QUOTED is a name, or a string where no such name exists."""

    SPACE = "space"
    STRING = "string"
    QUOTED = "quoted"
    NUMBER = "number"
    WORD = "word"
    SYMBOL = "symbol"


class Token(NamedTuple):
    """A piece of SQL text."""

    kind: Kind
    text: str

    def says(self, *words: str) -> bool:
        """Whether it is one of these keywords or symbols (in lower case), unquoted."""
        return self.kind in {Kind.WORD, Kind.SYMBOL} and self.text.lower() in words

    @property
    def content(self) -> str:
        """What stands between the quotes of a string or a quoted name."""
        return self.text[1:-1]


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of a text; joined again they are the text."""
    for found in _TOKEN.finditer(sql):
        yield Token(Kind(found.lastgroup or Kind.SYMBOL), found[0])


def without_space(sql: str) -> list[Token]:
    """The tokens that mean something, without a last semicolon."""
    kept = [token for token in tokens(sql) if token.kind is not Kind.SPACE]
    while kept and kept[-1].says(";"):
        kept.pop()
    return kept
