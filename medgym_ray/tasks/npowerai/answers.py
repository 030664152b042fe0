"""What else could be handed in: honest forms of the true number, faults that come close to it, and cheats."""

from medgym_ray.scoring import formats
from medgym_ray.tasks.npowerai.problem import Target

_CHEATS = (
    "",
    "print(0)",
    "answer = None",
    "answer = 0",
    "answer = 1",
    "answer = 1.0",
    "answer = True",
    "answer = 0.8",
    "answer = 0.801110746829021",  # the original's majority constants
    "answer = 42",
    "answer = '80%'",
    "answer = float('nan')",
    "answer = float('inf')",
    "answer = list(range(100000))",
    "answer = [step / 1000 for step in range(1001)]",
    "answer = ' '.join(str(number) for number in range(2000))\nprint(answer)",
    "raise ValueError(' '.join(str(number) for number in range(2000)))",
    "import pathlib\n"
    "answer = [path.read_text() for path in sorted(pathlib.Path.cwd().rglob('*tasks.jsonl'))]\n"
    "print(*answer)",
)


def honest(gold: float, target: Target) -> dict[str, str]:
    """The number as values of other types and as text; a size before it is rounded up, a power rounded a little."""
    if target == "size":
        values = {"not rounded up": f"{gold - 0.37!r}", "rounded up by numpy": f"np.ceil({gold - 0.37!r})"}
    else:
        values = {
            "three decimals": repr(round(gold, 3)),
            "text of four decimals": repr(f"{gold:.4f}"),
            "scientific text": repr(f"{gold:.5e}"),
            "a simulation's": repr(gold + (0.004 if gold < 0.5 else -0.004)),
        }
    return formats.honest(gold) | {name: formats.program(value) for name, value in values.items()}


def near_misses(gold: float, target: Target) -> dict[str, str]:
    """Off by one or by a little more than is tolerated, another scale, and numbers among words."""
    if target == "size":
        values = {
            "the groups together": repr(2 * gold),
            "one less as text": repr(f"{gold - 1}"),
            "with a unit": repr(f"{gold} participants"),
            "wrong sign": repr(-gold),
        }
    else:
        off = 0.0055
        values = {
            "just above": repr(gold + off),
            "just below": repr(gold - off),
            "in per cent": repr(100 * gold),
            "text in per cent": repr(f"{gold:.1%}"),
            "wrong sign": repr(-gold),
        }
        if abs(gold - 0.5) > off:
            values["type II error"] = repr(1 - gold)
    return formats.near_misses(gold) | {name: formats.program(value) for name, value in values.items()}


def cheats() -> list[str]:
    """Programs that know nothing of the question."""
    return list(_CHEATS)
