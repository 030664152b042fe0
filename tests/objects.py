"""A real S3 server on this machine, as a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pyarrow import fs

BUCKET = "bucket"
SECRET = "a-key-that-nothing-may-print"


@contextmanager
def s3_server(**variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """(its address, its process); it holds one bucket. `variables` go to the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(server, port)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.kill()
        server.wait()


def _until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.poll() is None, "the S3 server ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.1)


def make_bucket(address: str, name: str = BUCKET) -> None:
    """Makes a bucket."""
    server = fs.S3FileSystem(
        endpoint_override=address,
        access_key="k",
        secret_key="s",
        region="us-east-1",
        request_timeout=30,
        allow_bucket_creation=True,
    )
    server.create_dir(name)


def variables(address: str) -> dict[str, str]:
    """What a user sets."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "known",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
