"""Trajectories on their way to the writer: where many end, those that end at about the same time travel together.

A message, an fsync and an acknowledgement cost several times what a trajectory adds to them.
"""

import asyncio
import time

from actors.calls import Seat
from medgym_ray.trajectory import Trajectory

PAUSE_S = 0.1
"""Between two messages: what a trajectory waits at most for others to go with, and where few end, it waits for none."""

_Waiting = tuple[Trajectory, "asyncio.Future[None]"]


class Outbox:
    """To be used within one event loop."""

    def __init__(self, writer: Seat) -> None:
        self._writer = writer
        self._waiting: list[_Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._next_message = 0.0

    def __len__(self) -> int:
        """Trajectories that are not acknowledged yet."""
        return self._under_way

    def put(self, trajectory: Trajectory) -> "asyncio.Future[None]":
        """Done once it is durable. Raises StorageError, RecordError where it does not fit, ClusterError."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        durable.add_done_callback(self._settled)
        self._under_way += 1
        if not self._waiting:
            sending = asyncio.create_task(self._send_soon())
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
        self._waiting.append((trajectory, durable))
        return durable

    def _settled(self, _: "asyncio.Future[None]") -> None:
        self._under_way -= 1

    async def _send_soon(self) -> None:
        await asyncio.sleep(self._next_message - time.monotonic())
        self._next_message = time.monotonic() + PAUSE_S
        bundle, self._waiting = self._waiting, []
        try:
            refusals = await self._writer.ask("append", [trajectory for trajectory, _ in bundle])
            ends = list(zip(bundle, refusals, strict=True))
        except Exception as error:
            ends = [(waiting, error) for waiting in bundle]
        for (_, durable), refusal in ends:
            if durable.done():  # whoever waited was cancelled
                continue
            if refusal is None:
                durable.set_result(None)
            else:
                durable.set_exception(refusal)
