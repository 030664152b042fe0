"""The text of token ids, where the run's tokenizer is on this machine. Nothing is ever downloaded for it."""

from typing import Any, Protocol

import numpy as np

from medgym_ray.errors import ConfigError, PolicyError
from medgym_ray.policies.weights import resolve
from medgym_ray.store.stored import StoredRun

NONE, AUTO = "none", "auto"


class Vocabulary(Protocol):
    """Knows what token ids stand for, or does not."""

    def texts(self, ids: np.ndarray) -> dict[int, str]:
        """The text of each id that occurs; empty where it is not known."""


class Unknown:
    """Knows no token."""

    def texts(self, _: np.ndarray, /) -> dict[int, str]:
        """Nothing."""
        return {}


class Tokens:
    """A Hugging Face tokenizer's. A token that is part of a character shows as U+FFFD."""

    def __init__(self, path: str) -> None:
        """Raises ConfigError where no tokenizer is there."""
        try:
            from transformers import AutoTokenizer

            self._tokenizer: Any = AutoTokenizer.from_pretrained(resolve(path), local_files_only=True)
        except (ImportError, OSError, ValueError, KeyError, PolicyError) as error:
            why = "transformers is not installed" if isinstance(error, ImportError) else "no tokenizer is there"
            raise ConfigError(f"tokenizer={path}: {why}; give tokenizer=DIR, or tokenizer=none") from error
        self._known: dict[int, str] = {}

    def texts(self, ids: np.ndarray) -> dict[int, str]:
        """See Vocabulary."""
        return {token: self._text(token) for token in np.unique(ids).tolist()}

    def _text(self, token: int) -> str:
        if token not in self._known:
            try:
                self._known[token] = self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
            except (OverflowError, IndexError, TypeError, ValueError):  # an id that the vocabulary lacks
                self._known[token] = ""
        return self._known[token]


def open_vocabulary(stored: StoredRun, asked: str) -> tuple[Vocabulary, str | None]:
    """The tokenizer that was asked for (a directory, `auto`: the run's, `none`), and why the run's is not to be had.

    Raises ConfigError where one was named that is not there.
    """
    if asked == NONE:
        return Unknown(), None
    if asked != AUTO:
        return Tokens(asked), None
    path = stored.identity.get("model.path")
    if not path or stored.identity.get("model.kind") == "replay":
        return Unknown(), None
    try:
        return Tokens(str(path)), None
    except ConfigError as error:
        return Unknown(), str(error)
