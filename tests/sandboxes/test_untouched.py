"""Whether a sandbox holds no more than what was put into it: then the next cell could as well run in another."""

import pytest


async def test_cells_that_leave_nothing(run, sandbox):
    assert (await run("print(1)")).untouched
    await sandbox.put({"notes.txt": b"1"})
    assert (await run("print(open('notes.txt').read())")).untouched
    assert (await run("1 / 0")).untouched
    assert (await run("echo hello", language="shell")).untouched
    assert (await run("import subprocess; subprocess.Popen(['sleep', '100'])")).untouched
    await sandbox.reset()
    assert (await run("print(1)")).untouched


@pytest.mark.parametrize(
    "code",
    [
        "open('new', 'w')",
        "open('/tmp/new', 'w')",
        "open('notes.txt', 'a').write('2')",
        "open('notes.txt', 'r+').write('2')",
        "import os; os.remove('notes.txt')",
        "import os; os.rename('notes.txt', 'other.txt')",
        "import os; os.mkdir('folder')",
        "import os; os.symlink('/', 'link')",
        "import os; os.mkfifo('pipe')",
        "import os; os.chmod('notes.txt', 0o600)",
        "[open(f'f{n}', 'w') for n in range(100)]",
        "open('notes.txt', 'r+').write('2'); import os; os.utime('notes.txt', (1, 1))",
    ],
)
async def test_cells_that_leave_something(run, sandbox, code):
    await sandbox.put({"notes.txt": b"1"})
    assert not (await run(code)).untouched
    assert not (await run("print(1)")).untouched, "it is still there"
    await sandbox.put({"more.txt": b""})
    assert not (await run("print(1)")).untouched
    await sandbox.reset()
    assert (await run("print(1)")).untouched


async def test_what_lies_deeper_is_not_looked_at(run, sandbox):
    await sandbox.put({"folder/notes.txt": b"1"})
    assert not (await run("print(1)")).untouched
