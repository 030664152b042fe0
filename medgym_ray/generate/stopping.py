"""How a run is asked to stop."""

import asyncio
import signal
from collections.abc import Callable

from rich.console import Console

from medgym_ray.events import Event, StopAsked


class Stop:
    """First Ctrl-C or SIGTERM: finish what runs, for a while; second: stop now. Both can be resumed."""

    def __init__(self, console: Console, drain_s: float, note: Callable[[Event], None]) -> None:
        """Listens from now on. Within the running task, which a second signal cancels."""
        self.asked = asyncio.Event()
        self.by_signal = False
        self._note = note
        self._drain = f"running episodes have {drain_s:g} s to end"
        self._console, self._main_task = console, asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupted)

    def _interrupted(self) -> None:
        if self.by_signal and self._main_task is not None:
            self._main_task.cancel()
            return
        self.by_signal = True
        self._console.print(f"stopping: {self._drain}; once more stops now")
        self._note(StopAsked(by="signal"))
        self.asked.set()

    def time_is_over(self) -> None:
        """The run's budget is spent."""
        if not self.asked.is_set():
            self._console.print(f"cluster.run_s is over: {self._drain}")
            self._note(StopAsked(by="run_s"))
            self.asked.set()
