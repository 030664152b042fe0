"""A loop that is killed takes the step that was running with it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_ONE_STEP = """
import sys
from pathlib import Path
from medgym_ray.loop.steps import Step, Steps

root = Path(sys.argv[1])
Steps(root, print).do(Step("one", "generate", (f"output.dir={root}/run", "cluster.address=local"), root / "run", True))
"""


def _eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_a_step_ends_with_its_loop(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _ONE_STEP, str(tmp_path)], stdout=subprocess.DEVNULL) as loop:
        children = Path(f"/proc/{loop.pid}/task/{loop.pid}/children")
        assert _eventually(lambda: bool(children.read_text().split()))
        (step,) = children.read_text().split()
        command = Path(f"/proc/{step}/cmdline")
        assert _eventually(lambda: "medgym_ray.generate" in command.read_text())
        loop.kill()
    assert _eventually(lambda: not command.exists() or not command.read_text())
