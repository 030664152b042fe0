"""Text as agents and sandboxes write it. Gymnasium's own `Text` wants a finite character set."""

import re
from typing import Any

import numpy as np
from gymnasium import Space

MAX_CHARACTERS = 1 << 20
_SAMPLED_CHARACTERS = 64
"""Sampled text is only to be looked at, and no sensible reply in any case."""
_SURROGATES = range(0xD800, 0xE000)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CODE_POINTS = 0x110000


class UnicodeText(Space[str]):
    """Any Unicode text of up to `max_length` characters that UTF-8 can hold (no halves of surrogate pairs)."""

    def __init__(self, max_length: int = MAX_CHARACTERS, seed: int | np.random.Generator | None = None) -> None:
        super().__init__(dtype=str, seed=seed)
        self.max_length = max_length

    @property
    def is_np_flattenable(self) -> bool:
        """Text has no fixed shape."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A short text of characters from all of Unicode. Raises ValueError for a mask: there is none for text."""
        if mask is not None or probability is not None:
            raise ValueError("UnicodeText has no characters to mask or weigh: sample() takes nothing")
        length = self.np_random.integers(min(self.max_length, _SAMPLED_CHARACTERS) + 1)
        points = self.np_random.integers(_CODE_POINTS - len(_SURROGATES), size=length)
        return "".join(chr(p if p < _SURROGATES.start else p + len(_SURROGATES)) for p in points.tolist())

    def contains(self, x: Any) -> bool:
        """Whether it is such a text."""
        return isinstance(x, str) and len(x) <= self.max_length and _SURROGATE.search(x) is None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnicodeText) and other.max_length == self.max_length

    def __hash__(self) -> int:
        return hash((UnicodeText, self.max_length))

    def __repr__(self) -> str:
        return f"UnicodeText({self.max_length})"
