"""The Docker sandbox: warm containers of our image, spoken to over their attached standard streams."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.types import LogConfig, Mount, Ulimit

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import reaper
from medgym_ray.sandboxes.base import PREIMPORT, Cell, CellResult, Limits
from medgym_ray.sandboxes.image import BUILD_COMMAND, image_tag
from medgym_ray.sandboxes.packages import Packages
from medgym_ray.sandboxes.session import Session
from medgym_ray.sandboxes.supervisor.settings import ENVIRONMENT, Settings
from medgym_ray.sandboxes.wheelhouse import Wheelhouse, ensure_wheelhouse

CELL_UID = 10_001
_DEFAULTS = Limits()
_API_TIMEOUT_S = 120
_START_S = 180.0
_RESET_S = 60.0
_BASE_MEMORY_MB = 384  # the warm interpreter and small files, beside what a cell may use
_PROCESS_MARGIN = 8
_PING_S = 60.0
_SILENCE_S = 15 * _PING_S
_ENVIRONMENT = {
    "PYTHONPATH": "/opt/medgym",
    "PYTHONHASHSEED": "0",
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_MUX = struct.Struct(">BxxxI")
_STDOUT = 1


class _MuxReader:
    """The container's standard output out of Docker's stream, in which 8-byte headers mark whose bytes follow."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()
        self.errors = bytearray()

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes of standard output; asyncio.IncompleteReadError where it ends before."""
        while len(self._buffer) < n:
            kind, length = _MUX.unpack(await self._reader.readexactly(_MUX.size))
            data = await self._reader.readexactly(length)
            if kind == _STDOUT:
                self._buffer += data
            else:
                self.errors = (self.errors + data)[-2000:]
        taken = bytes(self._buffer[:n])
        del self._buffer[:n]
        return taken

    def at_eof(self) -> bool:
        """Whether the container's end is closed."""
        return not self._buffer and self._reader.at_eof()

    def last_words(self) -> str:
        """The end of what the supervisor said on standard error."""
        lines = self.errors.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


class DockerSandbox:
    """One container; replaced where a reset could not be verified."""

    def __init__(self, factory: "DockerFactory") -> None:
        self._factory = factory
        self._container: Any = None
        self._stream: Any = None
        self._session: Session | None = None

    async def open(self) -> None:
        """Starts a container. Raises SandboxError."""
        try:
            self._container, self._stream = await asyncio.to_thread(self._factory.start_container)
            own = socket.socket(fileno=os.dup(self._stream.fileno()))
            own.setblocking(False)
            plain, writer = await asyncio.open_connection(sock=own, limit=1 << 20)
            reader = _MuxReader(plain)
            self._session = Session(reader, writer, reader.last_words)
            await self._session.hello(_START_S)
        except (docker.errors.DockerException, OSError) as error:
            await self._remove()
            raise SandboxError(f"a container could not be started: {_one_line(error)}") from None
        except BaseException:
            await self._remove()
            raise

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files, by path relative to the working directory. Raises SandboxError."""
        await self._ready().put(files)

    async def run(self, cell: Cell) -> CellResult:
        """Runs a cell to its end. Raises SandboxError where the sandbox itself was lost."""
        return await self._ready().run(cell)

    async def reset(self) -> None:
        """Kills, wipes and verifies; a container that cannot show that it is clean is replaced. Raises SandboxError."""
        session = self._ready()
        try:
            await session.reset(_RESET_S)
        except SandboxError:
            await self._remove()
            await self.open()

    async def close(self) -> None:
        """Ends and removes the container; safe to call twice."""
        self._factory.forget(self)
        await self._remove()

    async def ping(self) -> None:
        """Keeps an idle supervisor waiting. Raises SandboxError."""
        if self._session is not None:
            await self._session.ping()

    def alive(self) -> bool:
        """See Sandbox."""
        return self._session is not None and self._session.alive()

    def _ready(self) -> Session:
        if self._session is None:
            raise SandboxError("the sandbox is gone: it is closed")
        return self._session

    async def _remove(self) -> None:
        session, self._session = self._session, None
        container, self._container = self._container, None
        stream, self._stream = self._stream, None
        if session is not None:
            await session.close()
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
        if container is not None:
            await asyncio.to_thread(reaper.force_remove, container)


class DockerFactory:
    """Makes sandboxes out of containers. To be used within one event loop."""

    slow_start = True

    def __init__(
        self,
        *,
        run_id: str,
        image: str | None = None,
        runtime: str | None = None,
        preimport: Sequence[str] = PREIMPORT,
        memory_mb: int = _DEFAULTS.memory_mb,
        processes: int = _DEFAULTS.processes,
        cpus: float = 1.0,
        work_mb: int = 256,
        scratch_mb: int = 64,
        mounts: Mapping[str, Path] | None = None,
        packages: Packages | None = None,
    ) -> None:
        """`memory_mb` and `processes` are the most that any cell's limits may allow (a container's are set once);
        `runtime`: for instance runsc; `mounts`: read-only data, by path inside; `packages`: what cells may install."""
        self._run_id = run_id
        self._image = image or image_tag()
        self._runtime = runtime
        self._preimport = tuple(preimport)
        self._memory_mb = memory_mb
        self._processes = processes
        self._cpus = cpus
        self._work_mb = work_mb
        self._scratch_mb = scratch_mb
        self._mounts = dict(mounts or {})
        self._packages = packages
        self._wheelhouse: Wheelhouse | None = None
        self._client: Any = None
        self._digest = ""
        self._architecture = ""
        self._sandboxes: set[DockerSandbox] = set()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Looks for the engine and the image, and removes what runs that crashed have left. Raises SandboxError."""
        if self._client is None:
            self._client = await asyncio.to_thread(self._connect)
            self._keepers = [
                asyncio.create_task(reaper.keep_removing(self._client, reaper.EVERY_S)),
                asyncio.create_task(self._keep_pinging()),
            ]

    async def create(self) -> DockerSandbox:
        """A sandbox that is ready for its first cell. Raises SandboxError."""
        if self._client is None:
            raise SandboxError("the docker sandbox is not started")
        sandbox = DockerSandbox(self)
        await sandbox.open()
        self._sandboxes.add(sandbox)
        return sandbox

    async def close(self) -> None:
        """Closes every sandbox made."""
        for sandbox in list(self._sandboxes):
            with contextlib.suppress(SandboxError):
                await sandbox.close()
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def provenance(self) -> dict[str, str]:
        """What ran the cells; goes into the record."""
        filtered = "the engine's and our seccomp filter" if self._filters() else "the engine's seccomp filter"
        return {
            "kind": "docker",
            "image": self._image,
            "digest": self._digest,
            "runtime": self._runtime or "default",
            "guarantees": f"own container, no network, read-only root, other user, no capabilities; {filtered}; "
            "memory and processes: control group",
            **(self._wheelhouse.provenance() if self._wheelhouse else {}),
        }

    async def _keep_pinging(self) -> None:
        while True:
            await asyncio.sleep(_PING_S)
            for sandbox in list(self._sandboxes):
                with contextlib.suppress(SandboxError):  # lost: its next request will say so
                    await sandbox.ping()

    def forget(self, sandbox: DockerSandbox) -> None:
        """A sandbox was closed."""
        self._sandboxes.discard(sandbox)

    def start_container(self) -> tuple[Any, Any]:
        """A started container, and the stream attached to it. Blocks; raises docker's errors."""
        container = self._client.containers.create(self._image, command=[self._settings().to_json()], **self._options())
        try:
            stream = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
            container.start()
        except BaseException:
            reaper.force_remove(container)
            raise
        return container, getattr(stream, "_sock", stream)

    def _connect(self) -> Any:
        try:
            client = docker.from_env(timeout=_API_TIMEOUT_S)
            client.ping()
        except (docker.errors.DockerException, OSError) as error:
            where = os.environ.get("DOCKER_HOST", "its default socket")
            raise SandboxError(
                f"Docker does not answer at {where} ({_one_line(error)}): start it (systemctl start docker), "
                "or use sandbox=namespace"
            ) from None
        try:
            image = client.images.get(self._image)
        except docker.errors.ImageNotFound:
            raise SandboxError(
                f"the sandbox's image {self._image} is not there: build it with {BUILD_COMMAND}"
            ) from None
        except (docker.errors.DockerException, OSError) as error:
            raise SandboxError(f"Docker cannot be used: {_one_line(error)}") from None
        self._digest = str(image.id)
        self._architecture = str(image.attrs.get("Architecture", ""))
        reaper.remove_orphans(client)
        if self._packages is not None:
            self._wheelhouse = ensure_wheelhouse(self._packages, self._digest, lambda text: self._ask(client, text))
        return client

    def _ask(self, client: Any, program: str) -> str:
        """What the image's Python prints, running `program`."""
        try:
            said: bytes = client.containers.run(
                self._image,
                ["-I", "-c", program],
                entrypoint="/opt/venv/bin/python",
                network_mode="none",
                labels=reaper.labels(self._run_id),
                log_config=LogConfig(type="json-file"),  # whatever the engine's own is, this one can be read
                remove=True,
            )
        except (docker.errors.DockerException, OSError) as error:
            raise SandboxError(f"the Python of the image {self._image} does not run: {_one_line(error)}") from None
        return said.decode()

    def _filters(self) -> bool:
        return self._architecture == "amd64"

    def _settings(self) -> Settings:
        return Settings(
            preimport=self._preimport,
            uid=CELL_UID,
            seccomp=self._filters(),
            packages=self._wheelhouse is not None,
            silence_s=_SILENCE_S,
        )

    def _options(self) -> dict[str, Any]:
        memory = f"{self._memory_mb + _BASE_MEMORY_MB}m"
        mounts = self._mounts | (self._wheelhouse.mount() if self._wheelhouse else {})
        directory = "nr_inodes=16k,mode=1777,exec,nosuid,nodev"
        options: dict[str, Any] = {
            "user": "0",
            "cap_drop": ["ALL"],
            "cap_add": ["SETUID", "SETGID", "KILL"],  # to become the cell's user, and to end what that user runs
            "security_opt": ["no-new-privileges"],
            "network_mode": "none",
            "ipc_mode": "private",
            "hostname": "sandbox",
            "read_only": True,
            "tmpfs": {
                "/work": f"size={self._work_mb}m,{directory}",
                "/tmp": f"size={self._scratch_mb}m,{directory}",
            },
            "shm_size": f"{self._scratch_mb}m",
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": self._processes + _PROCESS_MARGIN,
            "nano_cpus": int(self._cpus * 1e9),
            "ulimits": [Ulimit(name="core", soft=0, hard=0), Ulimit(name="nofile", soft=1024, hard=1024)],
            "log_config": LogConfig(type="none"),  # a cell's output does not fill the host's disk
            "environment": ENVIRONMENT | _ENVIRONMENT,  # OpenBLAS reads its number of threads when it is loaded
            "labels": reaper.labels(self._run_id),
            "mounts": [Mount(target, str(path), type="bind", read_only=True) for target, path in mounts.items()],
            "stdin_open": True,  # its end ends the container
            "auto_remove": True,
            "init": False,  # would take PID 1 from the supervisor, and with it the supervisor's immunity
        }
        if self._runtime is not None:
            options["runtime"] = self._runtime
            if "runsc" in self._runtime:
                # gVisor's own threads and memory count, and what the kernel kills there is the whole sandbox: it is
                # the supervisor inside that keeps cells to their limits.
                options["pids_limit"] = 4096
                options["mem_limit"] = options["memswap_limit"] = f"{self._memory_mb + _BASE_MEMORY_MB + 1024}m"
        return options


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
