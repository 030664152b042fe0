"""Programs that state a conversation's gold in other forms, or just miss it."""

from collections.abc import Mapping, Sequence

from medgym_ray.scoring import formats
from medgym_ray.tasks.sql.execution import Rows
from medgym_ray.tasks.sql.scoring import plain


def honest(turns: Sequence[Rows], yes_no: Sequence[bool]) -> dict[str, str]:
    """Every format of a turn, the turns as a tuple and as mappings."""
    forms = [formats.honest(plain(rows), yes_no=truth) for rows, truth in zip(turns, yes_no, strict=True)]
    usual = [_usual(form) for form in forms]
    names = dict.fromkeys(name for form in forms for name in form)
    programs = {
        name: _together([form.get(name, default) for form, default in zip(forms, usual, strict=True)]) for name in names
    }
    numbered = _together(usual)
    return programs | {
        "a tuple of turns": f"{numbered}answer = tuple(answer)\n",
        "turns by number": f"{numbered}answer = {{number: value for number, value in enumerate(answer, start=1)}}\n",
        "turns by name": f"{numbered}answer = {{f'turn {{n}}': value for n, value in enumerate(answer, start=1)}}\n",
        "rows only": f"answer = {[list(rows) for rows in turns]!r}\n",
    }


def near_misses(turns: Sequence[Rows]) -> dict[str, str]:
    """Every fault in the last turn, the others being right; turns missing, swapped, or mixed together."""
    usual = [_usual(formats.honest(plain(rows))) for rows in turns]
    faults = formats.near_misses(plain(turns[-1]))
    programs = {f"last turn: {name}": _together([*usual[:-1], code]) for name, code in faults.items()}
    first = formats.near_misses(plain(turns[0]))
    programs |= {f"first turn: {name}": _together([code, *usual[1:]]) for name, code in first.items()}
    numbered = _together(usual)
    return programs | {
        "last turn missing": f"{numbered}answer = answer[:-1]\n",
        "only the last turn": f"{numbered}answer = answer[-1]\n",
        "turns reversed": f"{numbered}answer = answer[::-1]\n",
        "one turn too many": f"{numbered}answer = [*answer, answer[-1]]\n",
        "the last for all": f"{numbered}answer = [answer[-1]] * len(answer)\n",
    }


def _usual(form: Mapping[str, str]) -> str:
    return form["plain"] if "plain" in form else form["lists"]


def _together(programs: Sequence[str]) -> str:
    """One program of several that each set `answer`."""
    return "turns = []\n" + "".join(f"{code}turns.append(answer)\n" for code in programs) + "answer = turns\n"
