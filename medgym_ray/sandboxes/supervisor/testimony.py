"""What a cell says of itself on a channel of its own: its answer, how its tests went, that it is at its end.

All of it is the cell's own word. None of it says more than the cell could bring about anyway (ending with status 0,
setting `answer`), but for the tests' verdict, which counts only with the nonce that arrived together with the tests.
"""

import secrets
from typing import Any

from . import answer, cell

_SLACK = 8192


class Testimony:
    """One cell's channel, read as it comes. More than `limit` bytes of answer are not kept."""

    def __init__(self, limit: int) -> None:
        self.token = secrets.token_hex(16)
        """Known to the process before the code runs: whoever asks for the tests must have it."""
        self.nonce = secrets.token_hex(16)
        """Arrives with the tests: whoever tells their outcome must have it."""
        self._said = bytearray()
        self._most = limit + _SLACK
        self._last = b""

    def feed(self, data: bytes) -> None:
        """Takes what arrived."""
        self._said += data[: max(self._most - len(self._said), 0)]
        self._last = (self._last + data[-2:])[-2:]

    @property
    def started(self) -> bool:
        """Whether the process came as far as the cell's first line."""
        return self._said.startswith(cell.STARTED)

    @property
    def awaits_tests(self) -> bool:
        """Whether the code has run and its tests may be handed over."""
        asked = cell.AWAITED + self.token.encode()
        return self._said.endswith(asked + b"\n") and self._lines()[-1] == asked

    @property
    def exit_status(self) -> int | None:
        """The status a cell that is at its end will leave with; None before."""
        return self._last[1] if self._last[:1] == cell.ENDED else None

    def answer(self) -> dict[str, Any]:
        """The answer's part of the reply."""
        *lines, rest = bytes(self._said).removeprefix(cell.STARTED).split(b"\n")
        said = [line for line in lines if line[:1] not in (cell.AWAITED, cell.PASSED, cell.NOT_PASSED)]
        if not said and rest[:1] in (b"", cell.ENDED):
            return {}
        if len(said) != 1 or said[0][:1] not in (cell.ANSWER, cell.ANSWER_FAILED):
            return {"answer_error": "answer arrived garbled"}
        if said[0][:1] == cell.ANSWER_FAILED:
            return {"answer_error": said[0][1:].decode("utf-8", "replace").strip()[:1000]}
        try:
            return {"has_answer": True, "answer": answer.check(said[0][1:])}
        except answer.AnswerError as error:
            return {"answer_error": str(error)}

    def verdict(self) -> dict[str, Any]:
        """The tests' part of the reply; they have failed where nothing valid was said."""
        for line in self._lines():
            kind, nonce, rest = line[:1], line[1 : 1 + len(self.nonce)], line[1 + len(self.nonce) :]
            if kind in (cell.PASSED, cell.NOT_PASSED) and nonce == self.nonce.encode():
                error = None if kind == cell.PASSED else rest.decode("utf-8", "replace")
                return {"epilogue_passed": kind == cell.PASSED, "epilogue_error": error}
        return {"epilogue_passed": False, "epilogue_error": "the code ended before its tests did"}

    def _lines(self) -> list[bytes]:
        """Complete lines; what writes here writes no line break but at an end."""
        return bytes(self._said).removeprefix(cell.STARTED).split(b"\n")[:-1]
