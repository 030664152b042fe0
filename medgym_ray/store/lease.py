"""A lock where there is no flock: claims in an object store that reads its own writes and lists.

Whoever asks puts a claim of its own and then lists the folder; it holds the lock where no other claim lives. Of two
that ask at once the later list sees the other's claim, so at most one goes on. A holder renews its claim; ages are told
by the store's clock alone. All that a claim says is in its name: an object that is removed or written anew while others
read it fails them after long retries, a listing never does. What a store cannot promise: a process that was frozen for
longer than a lease does not hold it any more, but an upload it had begun may still land. Recovery then finds ids that
it knows, and drops them.
"""

import contextlib
import hashlib
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from medgym_ray.errors import StorageError

LEASE_S = 30.0
RENEW_S = 5.0
_HELD, _ASKED = "held", "asked"


@dataclass(frozen=True, slots=True)
class Seen:
    """An object of a listing."""

    name: str
    written_at: float
    """By the store's clock."""


class Objects(Protocol):
    """What a lease needs of a store."""

    def put(self, name: str, data: bytes) -> None:
        """Writes an object."""

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""

    def listing(self, folder: str) -> list[Seen]:
        """The objects of a folder."""


class Lease:
    """A claim that won. Lost where it could not be renewed in time, or `close` gave it back."""

    def __init__(self, store: Objects, claim: str, asked_at: float, on_close: Callable[["Lease"], None]) -> None:
        """Renews from now on."""
        self._store, self._claim, self._renewed, self._on_close = store, claim, asked_at, on_close
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """True from the moment when another process may have taken the lock."""
        return time.monotonic() - self._renewed > LEASE_S - RENEW_S

    def _renew(self) -> None:
        while not self._closed.wait(RENEW_S) and not self.lost:
            before = time.monotonic()
            with contextlib.suppress(StorageError):
                self._store.put(self._claim, b"")
                self._renewed = before

    def close(self) -> None:
        """Gives the lock back."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        self._on_close(self)
        if not self.lost:
            with contextlib.suppress(StorageError):  # it expires by itself
                self._store.remove(self._claim)


def take(store: Objects, folder: str, wait_s: float, on_close: Callable[[Lease], None]) -> Lease | None:
    """The lock whose claims lie in `folder`; None where a living process holds it for longer than `wait_s`."""
    own = f"{folder}/{uuid.uuid4().hex}"
    asks, holds = _claim(own, held=False), _claim(own, held=True)
    started = time.monotonic()
    first_seen: dict[str, float] = {}
    while True:
        asked_at = time.monotonic()
        store.put(asks, b"")
        others = _living(store, folder, asks)
        if not others:
            store.put(holds, b"")
            store.remove(asks)
            return Lease(store, holds, asked_at, on_close)
        store.remove(asks)
        waited = time.monotonic() - started
        if waited >= wait_s:
            # Whoever is on this machine, or has renewed since we look, is alive; another may have died just now.
            alive = [o for o in others if o.here or o.written_at > first_seen.get(o.name, o.written_at)]
            if any(o.held for o in alive) or waited > wait_s + 2 * LEASE_S:
                return None
        for other in others:
            first_seen.setdefault(other.name, other.written_at)
        time.sleep(random.uniform(0.2, 1.0))


@dataclass(frozen=True, slots=True)
class _Claim:
    name: str
    written_at: float
    held: bool
    here: bool


def _living(store: Objects, folder: str, own: str) -> list[_Claim]:
    """The claims of others that count. Those of dead processes are removed."""
    listing = {seen.name: seen.written_at for seen in store.listing(folder)}
    now = listing.pop(own, None)
    if now is None:
        raise StorageError(f"{folder}: what was just written is not listed; use a store with consistent listings")
    living = []
    for name, written_at in listing.items():
        machine, pid, started, state = ([*name.split("~"), "", "", "", ""])[1:5]
        here = machine == _machine()
        if now - written_at > LEASE_S or (here and _started(pid) != started):
            store.remove(name)
        else:
            living.append(_Claim(name, written_at, state == _HELD, here))
    return living


def _claim(own: str, *, held: bool) -> str:
    pid = os.getpid()
    return "~".join([own, _machine(), str(pid), _started(pid) or "", _HELD if held else _ASKED])


def _machine() -> str:
    """This boot and PID namespace, where a PID has one meaning; no machine's name where that cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path
    except OSError:
        return uuid.uuid4().hex
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:16]


def _started(pid: int | str) -> str | None:
    """When a process started, so that its PID's next owner is not taken for it; None where it is gone."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if state == "Z" else fields[18]
