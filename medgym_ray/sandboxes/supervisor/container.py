"""The way in for docker: PID 1 of the container, root with no rights but to change user and to kill.

PID 1 holds the warm interpreter and never reads a request. A supervisor forked from it serves one episode; at a reset
it ends, PID 1 kills and wipes, and forks the next: what earlier episodes said is not in its memory either.
"""

import contextlib
import os

from . import files, kernel, serve, start


def main() -> None:
    """Runs until the host hangs up or something cannot be cleaned."""
    settings = start.read_settings()
    reader, writer = start.take_descriptor(0), start.take_descriptor(1)
    missing = start.warm_interpreter(settings)
    files.clear_own(settings)
    while True:
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):  # gVisor has no subreapers: there PID 1 collects them, below
                kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)  # a cell's orphans come to their supervisor
            try:
                serve.Supervisor(settings, reader, writer).serve({"missing": missing})
            finally:
                os._exit(1)
        ended, status = os.wait()
        while ended != pid:
            ended, status = os.wait()
        serve.kill_all()
        if os.waitstatus_to_exitcode(status) != serve.RESET or files.wipe(settings) is not None:
            os._exit(1)


if __name__ == "__main__":
    main()
