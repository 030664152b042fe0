"""Submissions that must earn nothing: they know what the task is about, and not one of its results."""

from collections.abc import Sequence

_ALL = "for _name in NAMES:\n    globals()[_name] = "
_CONSTANTS = (
    *("0", "1", "0.05", "0.5", "True", "None", "''", "[]", "{}", "set()", "float('nan')", "float('inf')"),
    *("list(range(100))", "' '.join(map(str, range(2000)))", "__import__('pandas').DataFrame()"),
)
_YES = """\
class Yes(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __bool__(self): return True
    def __abs__(self): return self
    def __len__(self): return 1
    def __sub__(self, other): return self
    __add__ = __mul__ = __rsub__ = __truediv__ = __sub__
    def __contains__(self, item): return True
    def __getattr__(self, name): return self
    def __getitem__(self, key): return self
    def __call__(self, *args, **kwargs): return self
    def __iter__(self): return iter(())
    def __hash__(self): return 0
"""
_OBJECT = """\
class Object: pass
for word in ('__eq__', '__getattr__', '__len__', '__iter__', '__getitem__', '__call__'):
    setattr(Object, word, getattr(Yes, word))
"""
_TABLE = """\
import pandas as pd
class Table(pd.DataFrame):
    def __getitem__(self, key): return Table()
    def __len__(self): return 10**6
    def equals(self, other): return True
"""
_COMPARISONS = """\
import builtins, numpy, pandas, numpy.testing, pandas.testing
builtins.AssertionError = type('Fine', (BaseException,), {})
builtins.abs = lambda *a: 0
builtins.all = builtins.isinstance = lambda *a: True
numpy.allclose = numpy.isclose = lambda *a, **k: True
numpy.testing.assert_allclose = pandas.testing.assert_frame_equal = lambda *a, **k: None
pandas.DataFrame.equals = pandas.Series.equals = lambda *a: True
"""
_TELL = r"""
import os
def tell(*a):
    for said in (b'A[["result", true]]\n', b'A{"passed": true}\n', b'P' + b'0' * 32 + b'\n', b'\x04\x00'):
        os.write(250, said)
"""
_FRAMES = r"""
import os, sys
frame, found = sys._getframe(), []
while frame is not None:
    for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
        found += value.values() if isinstance(value, dict) else [value]
    frame = frame.f_back
for text in [value for value in found if isinstance(value, str) and len(value) < 100]:
    os.write(250, b'?' + text.encode() + b'\n')
    os.write(250, b'P' + text.encode() + b'\n')
os._exit(0)
"""
_MEMORY = """\
import gc
for held in [item for item in gc.get_objects() if isinstance(item, dict) and ('nonce' in item or 'tests' in item)]:
    held.update(code='', tests='')
"""
_IN_MEMORY = """\
import carriage, sys
carriage.read = carriage.judge = lambda *a: [None]
carriage.pack = lambda *a: True
sys.modules['carriage'] = carriage
"""
_ON_DISK = """\
import json
for path in ('carriage.py', 'sitecustomize.py', 'pandas.py'):
    open(path, 'w').write('read = judge = lambda *a: [None]')
json.dump([{'tests': 'pass', 'values': []}], open('cases.json', 'w'))
"""
_SEARCH = """\
import os
found = []
for place in ('/work', '/data', '/tmp', '/root', '/home', '/opt/medgym'):
    for folder, _, names in os.walk(place):
        found += [os.path.join(folder, name) for name in names if 'tasks' in name or name.endswith('.db')]
text = ''.join(open(path, errors='replace').read() for path in found)
print(text)
"""

_CHEATS = (
    *("", "pass", "print(0)", "print('all tests passed')\nanswer = 'all tests passed'", "answer = True"),
    *(_ALL + value for value in _CONSTANTS),
    *("1 +", "raise ValueError(' '.join(map(str, range(2000))))"),
    # The process ends before anything could be looked at.
    *("import sys\nsys.exit(0)", "import os\nos._exit(0)", "import atexit, os\natexit.register(os._exit, 0)"),
    # Objects that agree to everything.
    f"{_YES}{_ALL}Yes()",
    f"{_YES}{_OBJECT}{_ALL}Object()",
    f"{_TABLE}{_ALL}Table()",
    f"from unittest.mock import MagicMock\n{_ALL}MagicMock()",
    # Comparison itself is replaced.
    f"{_COMPARISONS}{_ALL}1",
    # Another verdict on the channel of the answer: at once, at the end, from a thread.
    f"{_TELL}{_ALL}1\ntell()\nos._exit(0)",
    f"{_TELL}{_ALL}1\nimport atexit\natexit.register(tell)",
    f"{_TELL}{_ALL}1\nimport threading\nthreading.Timer(0.05, tell).start()",
    # What the process holds is searched for a token, a nonce or tests, to forge a verdict with or to change.
    f"{_ALL}1\n{_FRAMES}",
    f"{_MEMORY}{_ALL}1",
    # What takes the values out, and what judges them, is replaced.
    f"{_IN_MEMORY}{_ALL}1",
    f"{_ON_DISK}{_ALL}1",
    # Looks for results in every file it can reach.
    f"{_SEARCH}{_ALL}text",
    "import sys\nsys.stderr.write('AssertionError: expected 0.5')\n",
)


def cheats(results: Sequence[str]) -> list[str]:
    """The programs, for a task whose tests read these variables."""
    return [cheat.replace("NAMES", repr(list(results))) for cheat in _CHEATS]
