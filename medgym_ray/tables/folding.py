"""What counts as the same text in a search, and what counts as a word."""

import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """One spelling for case, width and white space: `Ｐneumonia\\n NOS` and `pneumonia nos` are the same."""
    text = unicodedata.normalize("NFKC", text.replace("\0", " "))  # a null would end a full-text query
    return " ".join(text.casefold().split())


def words(folded: str) -> list[str]:
    """The words of a folded text, in order: runs of letters and digits."""
    return _WORD.findall(folded)
