"""A template of a conversation in the ehr_seqsql sample."""

from typing import NamedTuple


class Conversation(NamedTuple):
    """What it is about, what is drawn for it, and its turns: questions with their queries.

    `draw` is a query whose columns are the slots. In a query, `prev_query` stands for the query of the turn before.
    """

    category: str
    aim: str
    draw: str
    turns: tuple[tuple[str, str], ...]
