"""What both ways in do first."""

import gc
import os
import signal
import sys

from . import answer, cell, kernel, memory, warm
from .settings import Settings


def read_settings() -> Settings:
    """From the command line; and readies this process: silent, unreadable to others, deaf to what a cell could send."""
    settings = Settings.from_json(sys.argv[1])
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    # The first process of a PID namespace is spared every signal that has no handler, SIGKILL included.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    return settings


def take_descriptor(fd: int) -> int:
    """Moves the protocol's descriptor away from the standard ones, which then lead nowhere."""
    moved = os.dup(fd)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, fd)
    os.close(null)
    return moved


def warm_interpreter(settings: Settings) -> list[str]:
    """Imports what cells use; the cells then find it loaded. Gives back what is missing."""
    missing = warm.warm_up(settings.preimport)
    memory.settle()
    answer.learn_libraries()
    cell.forget_supervisor(settings)
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, every page the cells share
    return missing
