"""Submissions that must earn nothing."""

import re

from medgym_ray.tasks.base import Task
from medgym_ray.tasks.biocoder.splice import function_name

_METHOD = re.compile(r"\(\s*(?:self|cls)\b")

_STUBS = {
    "no function at all": "pass\n",
    "a function that returns nothing": "def FUNCTION(*args, **kwargs):\n    return None\n",
    "a function that returns its first argument": "def FUNCTION(*args, **kwargs):\n    return args[FIRST]\n",
} | {
    f"a function that returns {constant}": f"def FUNCTION(*args, **kwargs):\n    return {constant}\n"
    for constant in ("True", "False", "0", "1", "[]", "''")
}

CHEATS = (
    "",
    "pass",
    # Prints by itself, before and after.
    "print(0)\ndef FUNCTION(*args, **kwargs):\n    return 0\n",
    # Ends the process with status 0 as soon as something was printed.
    "import os\ndef FUNCTION(*args, **kwargs):\n    print(1, flush=True)\n    os._exit(0)\n",
    "def FUNCTION(*args, **kwargs):\n    raise SystemExit(0)\n",
    "def FUNCTION(*args, **kwargs):\n    raise RuntimeError('crash')\n",
    # Makes the program print nothing: its entry point, or everything.
    "def FUNCTION(*args, **kwargs):\n    return None\ndef main():\n    pass\nmain.__code__ = (lambda: None).__code__\n",
    "import builtins\ndef FUNCTION(*args, **kwargs):\n    return None\nbuiltins.print = lambda *a, **k: None\n",
    # An object that says it equals and contains everything.
    "class _Yes:\n    def __eq__(self, other): return True\n    def __contains__(self, item): return True\n"
    "    def __bool__(self): return True\n    def __str__(self): return 'True'\n    __repr__ = __str__\n"
    "    __hash__ = None\ndef FUNCTION(*args, **kwargs):\n    return _Yes()\n",
    # Takes the nonce from the frames above, forges the end, and leaves before the program prints.
    "import os, sys\ndef FUNCTION(*args, **kwargs):\n    frame = sys._getframe()\n    while frame is not None:\n"
    "        nonce = frame.f_locals.get('nonce')\n        if isinstance(nonce, bytes):\n"
    "            os.write(1, b'0' + nonce)\n            os._exit(0)\n        frame = frame.f_back\n    os._exit(0)\n",
    # Looks for gold in every file it can reach.
    "import glob\ndef FUNCTION(*args, **kwargs):\n    for pattern in ('/work/**', '/tmp/**', '../*', '/*/*'):\n"
    "        for path in glob.glob(pattern, recursive=True):\n"
    "            if 'gold' in path or 'solution' in path or path.endswith('.jsonl'):\n"
    "                return open(path, errors='replace').read()\n    return None\n",
)


def stubs(task: Task) -> list[tuple[str, str]]:
    """Functions that do nothing, with what to call them: a task whose program can't tell them from gold is vacuous."""
    signature = str(task.inputs["signature"])
    name = function_name(signature) or "f"
    # Decorators are part of how the program calls the function: without @property it would see a bound method.
    decorators = "".join(line + "\n" for line in signature.split("\n") if line.startswith("@"))
    first = "1" if _METHOD.search(signature) else "0"
    return [
        (what, code.replace("def FUNCTION", f"{decorators}def {name}").replace("FIRST", first))
        for what, code in _STUBS.items()
    ]
