"""Finding a term among the values of many columns.

Trigrams (SQLite's FTS5) find what holds the term without a look at every value. rapidfuzz finds the words of the tables
that a misspelt word is close to, and the trigrams then what holds those.
"""

import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from medgym_ray.tables.contents import Column
from medgym_ray.tables.folding import fold, words
from medgym_ray.tables.sources import Kind
from medgym_ray.tables.summary import Indexed

_MAX_FOUND = 5_000
"""Values looked at per way of matching."""
_MAX_OPTIONS = 8
"""Words of the tables that one word of the term may stand for."""
_SIMILARITY = 0.75
"""1 less the edits (a transposition is one) per letter of the longer word."""
_SHORTEST_SIMILAR = 4
"""Letters: shorter words have too many neighbours."""
_SHARE = 0.5
"""Of the term's words that a similar value must hold."""
_MAX_WORDS = 10
"""Of the term, that similar ones are looked for."""
_TRIGRAM = 3
_MAX_TRIGRAMS = 32
"""Of a text looked for; what is found is compared as a whole."""


class Match(IntEnum):
    """How a value matches, the best first."""

    EXACT = 0
    SAME_BUT_CASE = 1
    CONTAINS = 2
    SIMILAR = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """A value, or a word of longer texts (`is_word`), and the number of rows that hold it."""

    column_id: int
    value: str
    rows: int
    match: Match
    is_word: bool = False
    closeness: tuple[float, ...] = ()
    """Orders hits of one match, smaller first."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, the best first."""

    hits: list[Hit]
    cut: bool
    """More values hold the term than were looked at."""


class _Value(NamedTuple):
    """A value in a column."""

    column_id: int
    text_id: int
    rows: int
    value: str
    folded: str


class _Vocabulary(NamedTuple):
    """Words of letters alone, the shorter first, and the length of each."""

    words: list[str]
    lengths: list[int]


class TermSearch:
    """Searches one index file."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def find(self, term: str, columns: Sequence[Column]) -> Found:
        """Where among `columns` the term is a value, part of one, or like one. Numbers and times match as a whole."""
        folded = fold(term)
        if not folded:
            return Found([], cut=False)
        listed = [c.id for c in columns if c.indexed is Indexed.VALUES]
        texts = [c.id for c in columns if c.indexed is Indexed.VALUES and c.kind is Kind.TEXT]
        notes = [c.id for c in columns if c.indexed is Indexed.WORDS]
        whole, holding = self._equal(folded, listed), self._containing(folded, texts)
        options = {word: self._options(word, alone=folded == word) for word in words(folded)[:_MAX_WORDS]}
        hits: dict[tuple[int, int], Hit] = {}
        for value in whole:
            match = Match.EXACT if value.value.strip() == term.strip() else Match.SAME_BUT_CASE
            hits[value[:2]] = Hit(*_shown(value), match)
        for value in holding:
            closeness = (not _begins_word(value.folded, folded), len(value.folded))
            hits.setdefault(value[:2], Hit(*_shown(value), Match.CONTAINS, closeness=closeness))
        for value, score in self._similar(options, texts):
            hits.setdefault(value[:2], Hit(*_shown(value), Match.SIMILAR, closeness=(-score, len(value.folded))))
        found = [*hits.values(), *self._words(options, notes)]
        found.sort(key=lambda hit: (hit.match, hit.closeness, -hit.rows, hit.value))
        return Found(found, cut=max(len(whole), len(holding)) >= _MAX_FOUND)

    def _equal(self, folded: str, columns: Sequence[int]) -> list[_Value]:
        return self._values("texts", "texts.folded = ?", (folded,), columns)

    def _containing(self, folded: str, columns: Sequence[int]) -> list[_Value]:
        if len(folded) < _TRIGRAM:
            return self._values("texts", "instr(texts.folded, ?)", (folded,), columns)
        return self._values(
            _BY_TRIGRAMS, "trigrams MATCH ? AND instr(texts.folded, ?)", (_all_trigrams(folded), folded), columns
        )

    def _similar(
        self, options: Mapping[str, Mapping[str, float]], columns: Sequence[int]
    ) -> Iterator[tuple[_Value, float]]:
        """Values that hold a word close to each word of the term; where there are none, to half of its words."""
        clauses = [
            f"({' OR '.join(f'({_all_trigrams(option)})' for option in close)})"
            for word, close in options.items()
            if len(word) >= _TRIGRAM
        ]
        if not clauses:
            return
        found = self._values(_BY_TRIGRAMS, "trigrams MATCH ?", (" AND ".join(clauses),), columns)
        if not found and len(clauses) > 1:
            found = self._values(_BY_TRIGRAMS, "trigrams MATCH ?", (" OR ".join(clauses),), columns)
        for value in found:
            held = set(words(value.folded))
            best = [max((close[o] for o in close.keys() & held), default=0.0) for close in options.values()]
            score = sum(best) / len(best)
            if score >= _SHARE:
                yield value, score

    def _values(self, source: str, condition: str, asked: tuple[str, ...], columns: Sequence[int]) -> list[_Value]:
        rows = self._database.execute(
            "SELECT entries.column_id, texts.id, entries.rows, texts.value, texts.folded "
            f"FROM {source} CROSS JOIN entries ON entries.text_id = texts.id "
            f"WHERE {condition} AND entries.column_id IN (SELECT value FROM json_each(?)) LIMIT {_MAX_FOUND}",
            (*asked, json.dumps(columns)),
        )
        return [_Value(*row) for row in rows]

    def _words(self, options: Mapping[str, Mapping[str, float]], columns: Sequence[int]) -> Iterator[Hit]:
        """In columns of which the words are known: those that hold a word for each word of the term."""
        if not columns or not options:
            return
        held: dict[int, dict[str, list[Hit]]] = {}
        for word, close in options.items():
            rows = self._database.execute(
                "SELECT column_id, words.word, word_rows.rows FROM words JOIN word_rows ON word_id = words.id "
                "WHERE words.word IN (SELECT value FROM json_each(?)) "
                "AND column_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(close)), json.dumps(columns)),
            )
            for column, option, count in rows:
                match = Match.CONTAINS if len(options) == 1 and word in option else Match.SIMILAR
                hit = Hit(column, option, count, match, is_word=True, closeness=(-close[option],))
                held.setdefault(column, {}).setdefault(word, []).append(hit)
        for found in held.values():
            if len(found) == len(options):
                yield from (hit for hits in found.values() for hit in hits)

    def _options(self, word: str, *, alone: bool) -> dict[str, float]:
        """Words of the tables that are meant by `word`, and how close each is (1: the same)."""
        options = {word: 1.0}
        if len(word) < _SHORTEST_SIMILAR or not word.isalpha():
            return options
        vocabulary = self._vocabulary
        shortest, longest = len(word) * _SIMILARITY, len(word) / _SIMILARITY
        near = vocabulary.words[bisect_left(vocabulary.lengths, shortest) : bisect_right(vocabulary.lengths, longest)]
        close = process.extract(
            word, near, scorer=OSA.normalized_similarity, score_cutoff=_SIMILARITY, limit=_MAX_OPTIONS
        )
        options |= {option: score for option, score, _ in close}
        if alone:  # free text is known by its words only: say in which the term is
            holding = (option for option in vocabulary.words if word in option)
            options |= dict.fromkeys(islice(holding, _MAX_OPTIONS), 1.0)
        return options

    @cached_property
    def _vocabulary(self) -> _Vocabulary:
        found = self._database.execute(
            "SELECT word FROM words WHERE length(word) >= ? AND word NOT GLOB '*[0-9]*' ORDER BY length(word)",
            (_SHORTEST_SIMILAR,),
        )
        letters = [word for (word,) in found]
        return _Vocabulary(letters, [len(word) for word in letters])


_BY_TRIGRAMS = "trigrams CROSS JOIN texts ON texts.id = trigrams.rowid"


def _all_trigrams(text: str) -> str:
    """The full-text query for texts with every trigram of `text`, in any order."""
    found = dict.fromkeys(text[at : at + _TRIGRAM] for at in range(len(text) - _TRIGRAM + 1))
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in islice(found, _MAX_TRIGRAMS))


def _begins_word(text: str, part: str) -> bool:
    return text.startswith(part) or f" {part}" in text


def _shown(value: _Value) -> tuple[int, str, int]:
    return value.column_id, value.value, value.rows
