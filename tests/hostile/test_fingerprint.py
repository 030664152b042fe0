"""What a cell can see is the same, byte for byte, in every fresh sandbox and after hostile use and a reset.

Every other test here ends with that comparison (see conftest); these look at the comparison itself.
"""

from tests.hostile import host
from tests.hostile.conftest import look

HOSTILE_USE = """
import builtins, ctypes, fcntl, json, mmap, os, signal, socket, sys
builtins.len = json.dumps = lambda *a: 0
os.umask(0); os.nice(3); os.environ["MEDLAR"] = "1"; sys.path.insert(0, "/tmp")
signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.alarm(1000)
for top in ("/work", "/tmp", "/dev/shm"):
    for name in ("json.py", ".bashrc", "medlar"):
        with open(f"{top}/{name}", "w") as file: file.write("import os; os._exit(9)")
    os.makedirs(top + "/deep/er"); os.symlink("/", top + "/link"); os.mkfifo(top + "/fifo")
try: os.close(os.open("/dev/mqueue/medlar", os.O_CREAT | os.O_RDWR))
except OSError: pass
ear = socket.socket(socket.AF_UNIX); ear.bind("\\0medlar"); ear.listen(); ear.set_inheritable(True)
server = socket.create_server(("127.0.0.1", 45678)); socket.create_connection(("127.0.0.1", 45678)).send(b"x")
held = mmap.mmap(-1, 1 << 20); fcntl.flock(open("/work/medlar"), fcntl.LOCK_EX)
for _ in range(5):
    if os.fork() == 0:
        os.setsid(); signal.pause()
"""


async def test_two_fresh_sandboxes_are_alike(factory, patience, pristine):
    other = await factory.create()
    try:
        assert await look(other, patience) == pristine
        await other.reset()
        assert await look(other, patience) == pristine
    finally:
        await other.close()


async def test_hostile_use_shows_until_the_reset(sandbox, run, patience, pristine):
    await run("pass")  # to serve its first cell, the supervisor may have to import something
    unspoilt = (await look(sandbox, patience)).splitlines()
    await run(HOSTILE_USE)
    await run("while :; do :; done & yes | head -c 100000; sleep 1000", language="shell", wall_s=0.3)
    await sandbox.put({"gold.json": b"{}"})
    used = (await look(sandbox, patience)).splitlines()
    changed = {new.split()[0] for new, old in zip(used, unspoilt, strict=True) if new != old}
    # Within an episode the files stay, and nothing else does.
    assert changed == {"files", "space"}
    await sandbox.reset()
    assert await look(sandbox, patience) == pristine


def test_the_look_at_the_host_sees_what_it_should(tmp_path, monkeypatch):
    """The other half of the comparison: each kind of trace, made here, is found."""
    import socket

    monkeypatch.chdir(tmp_path)
    before = host.traces("whitebeam")
    (tmp_path / "whitebeam").touch()
    with socket.socket(socket.AF_UNIX) as ear:
        ear.bind("\0whitebeam")
        after = host.traces("whitebeam")
    assert {kind for kind in before if before[kind] != after[kind]} == {"files", "sockets"}
    assert all(before["settings"][:2])
    assert before["mounts"]
