"""A machine's turnstile: never more than its places, and nobody who died in one blocks it."""

import asyncio
import subprocess
import sys

import pytest

from medgym_ray.sandboxes.turnstile import Turnstile

_HOLD = """
import asyncio, sys
from medgym_ray.sandboxes.turnstile import Turnstile

async def hold():
    async with Turnstile(sys.argv[1], 1).turn():
        print("in", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture
def name(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return "test"


async def test_no_more_than_its_places_and_everybody_in_the_end(name):
    inside, most, through = 0, 0, 0

    async def go():
        nonlocal inside, most, through
        async with Turnstile(name, 2).turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1
            through += 1

    async with asyncio.timeout(30):
        await asyncio.gather(*(go() for _ in range(12)))
    assert (most, through) == (2, 12)


async def test_other_processes_count_and_one_that_is_killed_leaves(name):
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, name], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "in\n"
        turnstile = Turnstile(name, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), turnstile.turn():
                pytest.fail("the place was taken")
        holder.kill()
        async with asyncio.timeout(30), turnstile.turn():
            pass
    finally:
        holder.kill()
        holder.communicate()
