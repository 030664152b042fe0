"""Data with a planted signal, in whole numbers only: the same bytes on every machine, whatever its mathematics library.

What is drawn is near normal with mean 0 and standard deviation 256 (a sum of 12 uniform bytes).
"""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEVIATION = 256


def bell(rng: random.Random, *shape: int) -> Any:
    """An array of draws."""
    import numpy as np

    drawn = np.frombuffer(rng.randbytes(12 * math.prod(shape)), np.uint8).reshape(*shape, 12)
    return drawn.sum(axis=-1, dtype=np.int64) - 1530


def weights(rng: random.Random, length: int, used: int) -> Any:
    """A vector of small whole weights, `used` of them not 0."""
    import numpy as np

    found: Any = np.zeros(length, np.int64)
    found[rng.sample(range(length), used)] = [rng.choice((-3, -2, 2, 3)) for _ in range(used)]
    return found


def blurred(rng: random.Random, signal: Any, noise_percent: int) -> Any:
    """The signal (centred) with noise of so many per cent of its spread."""
    centred = signal - signal.sum() // len(signal)
    spread = math.isqrt(int((centred * centred).sum()) // len(signal))
    return centred * 100 + bell(rng, len(signal)) * spread * noise_percent // DEVIATION


def highest(scores: Any, per_mille: int) -> Any:
    """Which scores belong to the highest share; of equal ones the first."""
    import numpy as np

    chosen: Any = np.zeros(len(scores), bool)
    chosen[np.argsort(-scores, kind="stable")[: len(scores) * per_mille // 1000]] = True
    return chosen


def auroc(scores: Any, truth: Any) -> float:
    """The area under the ROC curve of whole-number scores, counted pair by pair."""
    import numpy as np

    yes, no = scores[truth], scores[~truth]
    won = int(np.sign(yes[:, None] - no[None, :]).sum())
    return round(0.5 + won / (2 * len(yes) * len(no)), 4)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Writes plain cells, which need no quotes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *rows]
    path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8", newline="\n")


def write_array(path: Path, array: Any) -> None:
    """Writes a .npy file, whose bytes hold nothing but the array."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)
