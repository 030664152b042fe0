"""Ways out, ways in, and ways across."""

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellStatus
from tests.hostile.conftest import allow


@pytest.fixture
def listeners() -> Iterator[dict[str, socket.socket]]:
    """Open ears of every kind on this machine, by what kind they are."""
    name = f"ear-{secrets.token_hex(4)}"
    directory = tempfile.mkdtemp(prefix="medgym-ears-")
    Path(directory).chmod(0o777)
    with contextlib.ExitStack() as stack:
        made = {
            "tcp": socket.create_server(("0.0.0.0", 0)),
            "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
            "abstract": socket.socket(socket.AF_UNIX),
            "path": socket.socket(socket.AF_UNIX),
        }
        for ear in made.values():
            stack.enter_context(ear)
            ear.settimeout(0.2)
        made["udp"].bind(made["tcp"].getsockname())
        made["abstract"].bind("\0" + name)
        made["path"].bind(f"{directory}/{name}")
        Path(directory, name).chmod(0o777)
        for kind in ("abstract", "path"):
            made[kind].listen()
        yield made
        Path(directory, name).unlink()
        Path(directory).rmdir()


def heard(ear: socket.socket) -> bool:
    try:
        if ear.type == socket.SOCK_DGRAM:
            ear.recv(1)
        else:
            ear.accept()
    except TimeoutError:
        return False
    return True


def addresses() -> list[str]:
    """Of this machine: its own, the engine's bridge, and what clouds and virtual machines call their host."""
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    return sorted(own | {"127.0.0.1", "0.0.0.0", "172.17.0.1", "10.0.2.2", "169.254.169.254", "::1"})


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


async def test_nobody_outside_is_reached(run, listeners):
    port = listeners["tcp"].getsockname()[1]
    code = f"""
import socket
answer = []
def tried(name, act):
    try: act(); answer.append(name)
    except OSError: pass
def send(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as ear: ear.sendto(b"medlar", (address, {port}))
for address in {addresses()!r}:
    tried(["tcp", address], lambda: socket.create_connection((address, {port}), 0.5))
    try: send(address)  # there may be a loopback of its own to send into
    except OSError: pass
for name in ({listeners["abstract"].getsockname()!r}, {listeners["path"].getsockname()!r}):
    tried(["unix", repr(name)], lambda: socket.socket(socket.AF_UNIX).connect(name))
for address in ("192.0.2.1", "1.1.1.1", "169.254.169.254", "fd00:ec2::254", "2606:4700:4700::1111"):
    for port in (53, 80, 443): tried([address, port], lambda: socket.create_connection((address, port), 0.5))
for name in ("example.org", "metadata.google.internal", "host.docker.internal"):
    tried(name, lambda: socket.getaddrinfo(name, 80))
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])
    assert [kind for kind, ear in listeners.items() if heard(ear)] == []


async def test_nobody_outside_gets_in(run):
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
    name = f"medlar-{secrets.token_hex(4)}"
    code = f"""
import select, socket, sys
ears = [socket.create_server(("0.0.0.0", {port})), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
for ear, place in zip(ears[1:], ("\\0{name}", "/tmp/{name}")): ear.bind(place); ear.listen()
answer = len(select.select(ears, [], [], 0.6)[0])
"""
    cell = asyncio.create_task(run(code))
    reached = []
    while not cell.done():
        doors = [(family_of(address), (address, port)) for address in addresses()]
        doors += [(socket.AF_UNIX, f"\0{name}"), (socket.AF_UNIX, f"/tmp/{name}")]
        for family, address in doors:
            with socket.socket(family) as caller, contextlib.suppress(OSError):
                caller.settimeout(0.02)
                caller.connect(address)
                reached.append(address)
        await asyncio.sleep(0.02)
    assert reached == []
    result = await cell
    assert (result.status, result.answer) == (CellStatus.OK, 0)


async def test_only_a_loopback(run):
    result = await run("import socket\nanswer = [name for _, name in socket.if_nameindex()]")
    assert set(result.answer) <= {"lo"}


async def test_sockets_of_other_kinds(run):
    code = """
import socket
answer = []
def tried(*arguments):
    try: socket.socket(*arguments); answer.append(arguments)
    except OSError: pass
for family in set(range(3, 50)) - {10, 16}:  # beside unix, inet, inet6 and netlink
    for kind in (1, 2, 3, 5): tried(family, kind)
for family in (2, 10):
    for protocol in (0, 1, 6, 17, 58, 255): tried(family, socket.SOCK_RAW, protocol)
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])


async def test_the_network_cannot_be_changed(run):
    # Netlink itself stays open, for the C library asks it for addresses; asking is all that may work.
    code = """
import fcntl, os, socket, struct
answer = []
def request(kind, flags, body, protocol=0):
    try: link = socket.socket(16, 3, protocol)
    except OSError: return
    link.settimeout(1)
    try:
        link.bind((0, 0))
        link.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
        reply = link.recv(4096)
    except OSError: return
    kind_of_reply = struct.unpack_from("=H", reply, 4)[0]
    if kind_of_reply != 2 or struct.unpack_from("=i", reply, 16)[0] == 0: answer.append([protocol, kind])
change = 0x5 | 0x600  # request, acknowledge, create
request(16, change, struct.pack("=BxHiII", 0, 1, 0, 1, 1))  # a link
request(20, change, struct.pack("=BBBBI", 2, 8, 0, 0, 1) + struct.pack("=HH4s", 8, 2, bytes([10, 9, 8, 7])))
request(24, change, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 4, 0, 1, 0) + struct.pack("=HHI", 8, 4, 1))
request(0x400, 0x5, struct.pack("=BBH", 0, 0, 0), 12)  # netfilter
request(1001, 0x5, b"", 9)  # audit
for number in (0x8914, 0x8916, 0x89a0, 0x400454ca):  # flags, address, bridge, tunnel
    try: fcntl.ioctl(socket.socket(), number, b"lo".ljust(40, b"\\0")); answer.append(hex(number))
    except OSError: pass
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])


async def test_sandboxes_do_not_reach_each_other(run, factory, patience):
    other = await factory.create()
    try:
        code = """
import os, socket, time
ear = socket.socket(socket.AF_UNIX); ear.bind("\\0medlar"); ear.listen()
server = socket.create_server(("0.0.0.0", 45123))
for top in ("/work", "/tmp", "/dev/shm"): open(top + "/medlar", "w").write("secret")
server.settimeout(2)
try: server.accept(); answer = "reached"
except OSError: answer = "alone"
"""
        first = asyncio.create_task(run(code))
        await asyncio.sleep(0.5)
        code = """
import os, socket
answer = [os.listdir(top) for top in ("/work", "/tmp", "/dev/shm")]
for address in ("127.0.0.1", "0.0.0.0", "172.17.0.2", "172.17.0.3"):
    try: socket.create_connection((address, 45123), 0.3); answer.append(address)
    except OSError: pass
try: socket.socket(socket.AF_UNIX).connect("\\0medlar"); answer.append("abstract")
except OSError: pass
answer.append(sum(name.isdigit() for name in os.listdir("/proc")) <= 3)
"""
        result = await other.run(Cell(code, limits=allow(patience)))
        assert (result.status, result.answer) == (CellStatus.OK, [[], [], [], True])
        await other.run(Cell("import os\nos.kill(-1, 9)", limits=allow(patience)))
        assert (await first).answer == "alone"
    finally:
        await other.close()


async def test_a_lost_neighbour_is_no_matter(run, factory, patience):
    other = await factory.create()
    lost = asyncio.create_task(other.run(Cell("import time\ntime.sleep(60)", limits=allow(patience))))
    await asyncio.sleep(0.3)
    await other.close()
    with pytest.raises(SandboxError):
        await lost
    with pytest.raises(SandboxError, match="closed"):
        await other.run(Cell("1"))
    await other.close()
    assert (await run(f"answer = {os.getpid()}")).answer == os.getpid()
