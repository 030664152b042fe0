"""A Docker engine of our own, so that killing it disturbs nobody else's containers."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
from requests.exceptions import RequestException

from medgym_ray.sandboxes.image import image_tag

_ANSWERS_S = 60.0


class Engine:
    """One `dockerd` with a folder and a socket of its own; it lends no network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemon: subprocess.Popen[bytes] | None = None
        self.host = f"unix://{folder}/docker.sock"

    def start(self) -> None:
        """Returns once it answers. Raises RuntimeError where it does not."""
        log = (self._folder / "dockerd.log").open("ab")
        self._daemon = subprocess.Popen(
            [
                *("dockerd", "--host", self.host, "--data-root", self._folder / "data"),
                *("--exec-root", self._folder / "exec", "--pidfile", self._folder / "pid"),
                *("--bridge=none", "--iptables=false", "--ip6tables=false"),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        deadline = time.monotonic() + _ANSWERS_S
        while True:
            try:
                with self._client() as client:
                    client.ping()
                return
            except (docker.errors.DockerException, RequestException) as error:
                if self._daemon.poll() is not None or time.monotonic() > deadline:
                    last = (self._folder / "dockerd.log").read_text(errors="replace").splitlines()[-1]
                    raise RuntimeError(f"dockerd does not start: {last}") from error
                time.sleep(0.1)

    def crash(self) -> None:
        """Kills it, and its containerd, which it would else take for alive while that one is still ending."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
        pid = (self._folder / "exec" / "containerd" / "containerd.pid").read_text()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)

    def load(self, image: str) -> None:
        """Takes an image over from the machine's own engine."""
        with contextlib.closing(docker.from_env(timeout=120)) as source, self._client() as target:
            target.images.load(source.images.get(image).save(named=True))

    def containers(self, label: str) -> list[str]:
        """Those that carry a label."""
        try:
            with self._client() as client:
                return [str(found["Id"]) for found in client.api.containers(filters={"label": label})]
        except (docker.errors.DockerException, RequestException):
            return []

    def kill(self, container: str) -> bool:
        """False where it was gone."""
        try:
            with self._client() as client:
                client.api.kill(container)
        except (docker.errors.DockerException, RequestException):
            return False
        return True

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        client = docker.DockerClient(base_url=self.host, timeout=60)
        try:
            yield client
        finally:
            client.close()

    def end(self) -> None:
        """Ends it and everything in it."""
        for container in self.containers("medgym.run"):
            self.kill(container)
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(60)


@contextlib.contextmanager
def own_engine() -> Iterator[Engine]:
    """An engine that has the sandbox's image."""
    folder = Path(tempfile.mkdtemp(prefix="mgd"))
    engine = Engine(folder)
    try:
        engine.start()
        engine.load(image_tag())
        yield engine
    finally:
        engine.end()
        shutil.rmtree(folder, ignore_errors=True)
