"""Peers, each in an environment of its own, so that none of their dependencies is ours."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure.environments import python_with
from benchmarks.measure.processor import Meter
from benchmarks.pipeline.workload import Profile

REQUIREMENTS = {"inspect_ai": ["inspect_ai==0.3.285", "pandas"]}
_SCRIPTS = {"inspect_ai": Path(__file__).with_name("peer_inspect_ai.py")}


@dataclass(frozen=True, slots=True)
class PeerRun:
    """Of a peer: samples, seconds of them, seconds of processor time."""

    trajectories: int
    span_s: float
    cpu_s: float


def play(meter: Meter, peer: str, profile: Profile, count: int, at_once: int) -> PeerRun:
    """One run of the peer. Raises RuntimeError where it fails.

    Its programs run in a login shell: a home of their own lets no user's profile slow them down, and finds them the
    peer's interpreter, which has pandas.
    """
    python = python_with(f"peer-{peer}", REQUIREMENTS[peer])
    line = [python, _SCRIPTS[peer], str(count), str(at_once), profile.wrong, profile.right]
    with tempfile.TemporaryDirectory() as home:
        Path(home, ".bash_profile").write_text(f'export PATH="{python.parent}:$PATH"\n', encoding="utf-8")
        before, own = meter.read().total, time.process_time()
        done = subprocess.run(line, capture_output=True, text=True, check=False, env=os.environ | {"HOME": home})
    cpu_s = meter.read().total - before - (time.process_time() - own)
    if done.returncode != 0:
        raise RuntimeError(f"{peer} ended with {done.returncode}: {done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return PeerRun(said["samples"], said["seconds"], cpu_s)


def versions(peer: str) -> str:
    """What is compared with what."""
    return f"{', '.join(REQUIREMENTS[peer])}, Python {sys.version.split()[0]}"
