"""Mistakes as people make them in programs: a name misspelt, an import forgotten, a quote left open, a slice one short.

Each is a change of one place in the text, so that program and repair differ in nothing else. A *loud* mistake ends the
program in an error for certain, because the place is reached by every run; a quiet one may only change what comes out.
"""

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

_FILE = re.compile(r"[\w./-]+\.(?:csv|tsv|json|jsonl|parquet|pkl|npz|txt)")
_SQL_TABLE = re.compile(r"\bfrom\s+([a-z_]{3,})\b", re.IGNORECASE)
_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.JoinedStr)
"""What is not run where it stands, or (f-strings) says wrongly where it stands."""
_MAYBE = (ast.BoolOp, ast.IfExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_CERTAIN = (ast.Assign, ast.AugAssign, ast.Expr)
_SUBTLE = 0.8
"""How often a mistake of syntax is made only where no other is possible: every program has room for one."""
_COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong version of a program."""

    code: str
    lesson: str
    """What was wrong, in a sentence."""
    loud: bool
    runs: bool = True
    """False where the program does not even start."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """Bytes `start` to `end` of a program become `text`."""

    start: int
    end: int
    text: str
    lesson: str
    loud: bool = True
    runs: bool = True


class _Program:
    """A program's text by bytes, which is how its syntax tree counts columns."""

    def __init__(self, code: str) -> None:
        """Raises SyntaxError, ValueError or RecursionError where it is no program."""
        self.tree = ast.parse(code)
        self.bytes = code.encode()
        self._lines = [0]
        for line in self.bytes.split(b"\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Where a node stands."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[node.end_lineno - 1] + node.end_col_offset

    def text(self, start: int, end: int) -> str:
        """What stands there."""
        return self.bytes[start:end].decode()

    def edited(self, edit: _Edit) -> str:
        """The program with the edit made."""
        return (self.bytes[: edit.start] + edit.text.encode() + self.bytes[edit.end :]).decode()

    def reached(self) -> Iterator[ast.expr]:
        """The expressions that every run evaluates: outside of blocks, also in functions that are called there."""
        functions = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        waiting: list[ast.stmt] = [statement for statement in self.tree.body if isinstance(statement, _CERTAIN)]
        while waiting:
            for expression in _evaluated(waiting.pop(0)):
                yield expression
                called = expression.func if isinstance(expression, ast.Call) else None
                if isinstance(called, ast.Name) and (function := functions.pop(called.id, None)):
                    waiting += _run_first(function)

    def handed_to_calls(self) -> Iterator[tuple[str, ast.Constant]]:
        """(name of the function, text) for each text that a call of every run gets, itself or as a variable."""
        texts = {
            target.id: statement.value
            for statement in self.tree.body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        for call in self.reached():
            if isinstance(call, ast.Call) and call.args:
                given = call.args[0]
                text = texts.get(given.id) if isinstance(given, ast.Name) else given
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    yield name, text

    def named(self) -> set[str]:
        """Every name that stands anywhere, with the built-in ones."""
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)} | set(dir(builtins))


def _evaluated(node: ast.AST) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _LATER + _MAYBE):
            continue
        if isinstance(child, ast.expr):
            yield child
        yield from _evaluated(child)


def _run_first(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The statements that every call runs: those before the first block."""
    if function.decorator_list or any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)):
        return
    for statement in function.body:
        if isinstance(statement, (*_CERTAIN, ast.Return)):
            yield statement
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            return


def mistakes(code: str, random: Random, *, loud: bool = False, starts: bool = True) -> Iterator[Mistake]:
    """Wrong versions of a program, of kinds in random order; none where the text is no program.

    `loud`: only such as end it in an error; without `starts` only such as keep it from starting, for a program that
    must not leave anything behind.
    """
    try:
        program = _Program(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    kinds = [*_KINDS, *_SYNTAX]
    random.shuffle(kinds)
    if random.random() < _SUBTLE:
        kinds.sort(key=_SYNTAX.__contains__)
    for kind in kinds:
        edits = [edit for edit in kind(program) if (edit.loud or not loud) and (starts or not edit.runs)]
        random.shuffle(edits)
        for edit in edits:
            wrong = program.edited(edit)
            if _parses(wrong) is edit.runs:
                yield Mistake(wrong, edit.lesson, edit.loud, edit.runs)
                break


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def misspelt(word: str) -> str:
    """A word as hasty fingers type it: two letters in the middle the wrong way round, else the last one lost."""
    for at in range(len(word) // 2, len(word) - 1):
        if word[at] != word[at + 1] and word[at].isalnum() and word[at + 1].isalpha():
            return f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}"
    return word[:-1]


def _misspelt_name(program: _Program) -> Iterator[_Edit]:
    known = program.named()
    for node in program.reached():
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and len(node.id) > 2:
            wrong = misspelt(node.id)
            if wrong not in known:
                yield _Edit(*program.span(node), wrong, f"`{wrong}` should read `{node.id}`.")


def _misspelt_attribute(program: _Program) -> Iterator[_Edit]:
    for node in program.reached():
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and len(node.attr) > 3:
            _, end = program.span(node)
            start = end - len(node.attr.encode())
            wrong = misspelt(node.attr)
            if program.text(start, end) == node.attr:
                yield _Edit(start, end, wrong, f"There is no `{wrong}`: it is called `{node.attr}`.")


def _misspelt_column(program: _Program) -> Iterator[_Edit]:
    for node in program.reached():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Constant):
            yield from _respelt(program, node.slice, lambda name: misspelt(name) if len(name) > 2 else None)


def _wrong_path(program: _Program) -> Iterator[_Edit]:
    for function, node in program.handed_to_calls():
        if function.startswith(("read_", "load")) and _FILE.fullmatch(str(node.value)):
            yield from _respelt(
                program, node, lambda path: path.rpartition(".")[0] + ".dat", "There is no {}: it is {}."
            )


def _wrong_table(program: _Program) -> Iterator[_Edit]:
    for function, node in program.handed_to_calls():
        start, end = program.span(node)
        found = _SQL_TABLE.search(program.text(start, end))
        if found and ("execute" in function or "sql" in function):
            at = start + len(program.text(start, end)[: found.start(1)].encode())
            wrong = misspelt(found[1])
            yield _Edit(at, at + len(found[1]), wrong, f"There is no table {wrong}: it is {found[1]}.")


def _respelt(
    program: _Program, node: ast.Constant, change: Callable[[str], str | None], lesson: str = "“{}” should read “{}”."
) -> Iterator[_Edit]:
    """Another text between the same quotes."""
    start, end = program.span(node)
    if not isinstance(node.value, str) or program.text(start + 1, end - 1) != node.value or "{" in node.value:
        return
    wrong = change(node.value)
    if wrong and wrong != node.value:
        yield _Edit(start + 1, end - 1, wrong, lesson.format(wrong, node.value))


def _missing_import(program: _Program) -> Iterator[_Edit]:
    used = {node.id for node in program.reached() if isinstance(node, ast.Name)}
    for statement in program.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            bound = {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
            start, end = program.span(statement)
            alone = program.text(end, end + 1) in ("\n", "") and program.text(max(0, start - 1), start) in ("\n", "")
            if alone and bound & used and getattr(statement, "module", "") != "__future__":
                lesson = f"I forgot `{program.text(start, end).splitlines()[0]}`."
                yield _Edit(start, min(end + 1, len(program.bytes)), "", lesson)


def _misspelt_import(program: _Program) -> Iterator[_Edit]:
    for statement in program.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            module = statement.module if isinstance(statement, ast.ImportFrom) else statement.names[0].name
            start, end = program.span(statement)
            at = program.text(start, end).find(f" {module}")
            if module and len(module) > 3 and "." not in module and module.isascii() and at >= 0:
                wrong = misspelt(module)
                at += start + 1
                yield _Edit(at, at + len(module), wrong, f"The module is called `{module}`, not `{wrong}`.")


def _open_bracket(program: _Program) -> Iterator[_Edit]:
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Call):
            _, end = program.span(node)
            if program.text(end - 1, end) == ")":
                yield _Edit(end - 1, end, "", "A closing bracket was missing.", runs=False)


def _open_quote(program: _Program) -> Iterator[_Edit]:
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.lineno == node.end_lineno:
            _, end = program.span(node)
            if program.text(end - 1, end) in ("'", '"'):
                yield _Edit(end - 1, end, "", "A closing quote was missing.", runs=False)


def _missing_colon(program: _Program) -> Iterator[_Edit]:
    for node in ast.walk(program.tree):
        if isinstance(node, ast.FunctionDef | ast.For | ast.If | ast.While | ast.With):
            start, _ = program.span(node)
            body, _ = program.span(node.body[0])
            at = program.bytes.rfind(b":", start, body)
            if at > 0 and program.text(at + 1, body).isspace():
                yield _Edit(at, at + 1, "", "A colon was missing at the head of a block.", runs=False)


def _slice_off_by_one(program: _Program) -> Iterator[_Edit]:
    for node in ast.walk(program.tree):
        bound = (node.upper or node.lower) if isinstance(node, ast.Slice) else None
        if isinstance(bound, ast.Constant) and isinstance(bound.value, int) and bound.value > 0:
            lesson = f"The slice should end or begin at {bound.value}."
            yield _Edit(*program.span(bound), str(bound.value + 1), lesson, loud=False)


def _wrong_comparison(program: _Program) -> Iterator[_Edit]:
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
            right, wrong = _COMPARISONS[type(node.ops[0])]
            start, end = program.span(node.left)[1], program.span(node.comparators[0])[0]
            if program.text(start, end).strip() == right:
                lesson = f"The comparison should be `{right}`, not `{wrong}`."
                yield _Edit(start, end, f" {wrong} ", lesson, loud=False)


_KINDS: tuple[Callable[[_Program], Iterator[_Edit]], ...] = (
    *(_misspelt_name, _misspelt_attribute, _misspelt_column, _wrong_path, _wrong_table, _missing_import),
    *(_misspelt_import, _slice_off_by_one, _wrong_comparison),
)
_SYNTAX: tuple[Callable[[_Program], Iterator[_Edit]], ...] = (_open_bracket, _open_quote, _missing_colon)
