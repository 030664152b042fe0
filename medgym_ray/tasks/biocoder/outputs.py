"""When two programs printed the same: text exactly, numbers to a relative 1e-9."""

import math
import re
from decimal import Decimal, DecimalException

RELATIVE = Decimal("1e-9")

# A number that stands alone: the digits of `chr22`, `1.2.3`, `0x1f`, `007` or a date belong to text, and are compared
# as text. A sign belongs to the number unless something stands before it that it could be an operator or hyphen of.
_NUMBER = re.compile(
    r"""
    (?<![\w.])
    ((?:(?<![\w)\].])[-+])?
     (?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)
     (?:[eE][-+]?\d{1,4})?)
    (?![\w.])
    """,
    re.VERBOSE,
)


def same_output(gold: str, other: str) -> bool:
    """Whether `other` counts as the output `gold`.

    Line by line; whitespace at the end of a line and blank lines at the end of the output do not count. `62.0` is `62`
    and `1e-05` is `0.00001`, as those are spellings; two integers must be equal, however large.
    """
    gold_lines, other_lines = _lines(gold), _lines(other)
    return len(gold_lines) == len(other_lines) and all(map(_same_line, gold_lines, other_lines))


def _lines(output: str) -> list[str]:
    # Not splitlines(): a form feed or U+2028 inside a line is text like any other.
    return [line.rstrip() for line in output.rstrip().split("\n")]


def _same_line(gold: str, other: str) -> bool:
    if gold == other:
        return True
    gold_parts, other_parts = _NUMBER.split(gold), _NUMBER.split(other)
    if len(gold_parts) != len(other_parts) or gold_parts[::2] != other_parts[::2]:
        return False
    return all(map(_same_number, gold_parts[1::2], other_parts[1::2]))


def _same_number(gold: str, other: str) -> bool:
    if gold == other:
        return True
    try:
        expected, got = Decimal(gold), Decimal(other)
        if _is_integer(gold) and _is_integer(other):
            return expected == got
        # The smallest floats have so few bits that two spellings of one may lie further apart.
        is_one_float = float(expected) == float(got) not in (0.0, math.inf, -math.inf)
        return is_one_float or abs(got - expected) <= RELATIVE * abs(expected)
    except DecimalException:
        return False


def _is_integer(number: str) -> bool:
    return number.lstrip("+-").isdigit()
