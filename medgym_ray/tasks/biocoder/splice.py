"""Puts a function into the program it was left out of, and changes the program's seeds.

Tokens, never a parser, read what was submitted: this runs outside the sandbox, and a hostile program can overflow the
stack of CPython's parser. Context programs come with the task and may be parsed.
"""

import ast
import io
import re
import textwrap
import tokenize

MARKER = "<<insert solution here>>"

_UNREADABLE = (tokenize.TokenError, SyntaxError, ValueError)
_DEF = re.compile(r"\bdef\s+(\w+)")
_SEEDED = re.compile(r"\b(?:seed|Random|RandomState|default_rng)\(\s*(\d+)\s*\)")
_LINE_BREAK = re.compile(r"\r\n?")  # as Python reads them
_SEED_LIMIT = 2**32  # numpy takes no more


def function_name(signature: str) -> str | None:
    """The name of the function a signature (decorators included) declares."""
    found = _DEF.search(signature)
    return found.group(1) if found else None


def marker_indent(context: str) -> str | None:
    """The whitespace before the one marker, which must be alone on its line; None where there is no such marker."""
    lines = [line for line in context.split("\n") if MARKER in line]
    if len(lines) != 1 or lines[0].strip() != MARKER:
        return None
    return lines[0][: lines[0].index(MARKER)]


def splice(context: str, code: str) -> str:
    """The context with `code` in place of the marker, dedented as a whole and re-indented to the marker's column.

    Lines that begin inside a string keep every character. `from __future__` lines go to the head of the program, as
    Python wants them there; at an indented marker (in a class body) so do the code's other module-level imports, as
    names bound in a class body are out of sight of its methods. Everything else goes in as it is.
    """
    indent = marker_indent(context)
    if indent is None:
        raise ValueError(f"the context has not exactly one line {MARKER}")
    body, imports = _take_apart(_LINE_BREAK.sub("\n", code), futures_only=indent == "")
    program = re.sub(rf"[^\S\n]*{re.escape(MARKER)}", lambda _: _indented(body, indent), context)
    return "".join(line + "\n" for line in imports) + program


def defines(code: str, name: str) -> bool:
    """Whether the code binds `name` anywhere: by def, class, import or assignment. True where it can't be told."""
    try:
        tokens = [token for token in _tokens(code) if token.type in (tokenize.NAME, tokenize.OP)]
    except _UNREADABLE:
        return True
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.string != name:
            continue
        if before is not None and before.string in {"def", "class", "import", "as"}:
            return True
        if after is not None and after.string in {"=", ":"}:
            return True
    return False


def without_later_definition(context: str, name: str) -> str:
    """The context less module-level definitions of `name` after the marker.

    Some of the original's contexts still hold the function that is asked for, below the marker: it would replace
    whatever was submitted, and shows the agent an answer.
    """
    if marker_indent(context) != "":
        return context
    lines = context.split("\n")
    marker = next(number for number, line in enumerate(lines, start=1) if MARKER in line)
    try:
        tree = ast.parse(context.replace(MARKER, "pass"))
    except SyntaxError:
        return context
    for node in reversed(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name and node.lineno > marker:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            del lines[first - 1 : node.end_lineno]
    return "\n".join(lines)


def frozen_lines(code: str) -> set[int]:
    """Numbers of the lines that begin inside a string, so that their first characters are part of it."""
    try:
        return _inside_strings(_tokens(code))
    except _UNREADABLE:
        return set()


def has_seed(context: str) -> bool:
    """Whether the program seeds a generator with a literal."""
    return _SEEDED.search(context) is not None


def reseed(context: str, offset: int) -> str:
    """The program with every literal seed moved by `offset`; equal seeds stay equal."""

    def moved(call: re.Match[str]) -> str:
        seed = (int(call.group(1)) + offset) % _SEED_LIMIT
        start, end = call.start(1) - call.start(), call.end(1) - call.start()
        return f"{call.group()[:start]}{seed}{call.group()[end:]}"

    return _SEEDED.sub(moved, context)


def _tokens(code: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(code).readline))


def _take_apart(code: str, futures_only: bool) -> tuple[list[tuple[str, bool]], list[str]]:
    """The lines, each with whether it begins inside a string, dedented; and the import statements taken out of them."""
    lines = code.split("\n")
    try:
        tokens = _tokens(code)
    except _UNREADABLE:
        return [(line, False) for line in textwrap.dedent(code).split("\n")], []
    frozen = _inside_strings(tokens)
    margin = _margin(lines, tokens)
    imports: list[str] = []
    dropped: set[int] = set()
    for first, last, statement in _statements(tokens):
        words = statement.split()
        future = words[:2] == ["from", "__future__"]
        at_margin = lines[first - 1][len(margin) :][:1].strip() != ""
        # A statement that shares its line with another (`import a; b = 1`) stays where it is.
        if at_margin and words[:1] in (["import"], ["from"]) and ";" not in statement and (future or not futures_only):
            imports.append("\n".join(lines[first - 1 : last])[len(margin) :])
            dropped.update(range(first, last + 1))
    kept = [
        (line if number in frozen else line.removeprefix(margin), number in frozen)
        for number, line in enumerate(lines, start=1)
        if number not in dropped
    ]
    return kept, imports


def _inside_strings(tokens: list[tokenize.TokenInfo]) -> set[int]:
    """Numbers of the lines that begin inside a string; f-strings are several tokens from Python 3.12 on."""
    frozen: set[int] = set()
    open_at: list[int] = []
    for token in tokens:
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            frozen.update(range(token.start[0] + 1, token.end[0] + 1))
        elif kind in {"FSTRING_START", "TSTRING_START"}:
            open_at.append(token.start[0])
        elif kind in {"FSTRING_END", "TSTRING_END"} and open_at:
            frozen.update(range(open_at.pop() + 1, token.end[0] + 1))
    return frozen


def _margin(lines: list[str], tokens: list[tokenize.TokenInfo]) -> str:
    """The whitespace that the first statement begins with: what the code as a whole is indented by."""
    skipped = {tokenize.INDENT, tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokens:
        if token.type not in skipped:
            return lines[token.start[0] - 1][: token.start[1]]
    return ""


def _statements(tokens: list[tokenize.TokenInfo]) -> list[tuple[int, int, str]]:
    """Logical lines as (first line, last line, text with one space between tokens)."""
    found: list[tuple[int, int, str]] = []
    current: list[tokenize.TokenInfo] = []
    for token in tokens:
        if token.type == tokenize.NEWLINE:
            if current:
                found.append((current[0].start[0], token.end[0], " ".join(part.string for part in current)))
            current = []
        elif token.type not in {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}:
            current.append(token)
    return found


def _indented(lines: list[tuple[str, bool]], indent: str) -> str:
    return "\n".join(line if frozen or not line.strip() else indent + line for line, frozen in lines)
