"""What a record's tests look at, read from their text."""

import ast
import builtins

LIBRARIES = ("np", "pd")
"""What tests find without importing it."""


def wanted(tests: str) -> dict[str, list[str]]:
    """The names that the tests read, each with the expressions on it that can be evaluated without the tests.

    Such an expression goes as far as attributes, literal subscripts and calls without arguments lead: it holds nothing
    that a value is compared with. Of a name that the tests bind themselves there are none: it may hold what values are
    compared with, and that must not come from a program. Raises SyntaxError.
    """
    tree = ast.parse(tests)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    modules = {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}
    given = modules.union(dir(builtins), LIBRARIES)
    reads = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    found: dict[str, list[str]] = {name: [] for name in reads if name not in given}
    _collect(tree, found)
    bound = _bound(tree)
    return {name: [] if name in bound else expressions for name, expressions in found.items()}


def assigned(program: str) -> set[str]:
    """The names that a program binds at its top level, in any way but by `del`. Raises SyntaxError."""
    code = compile(program, "<program>", "exec", dont_inherit=True)
    names = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Name)]
    return set(code.co_names) & {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _bound(tree: ast.AST) -> set[str]:
    """The names that a program binds anywhere, other than by an import."""
    names: set[str | None] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.ExceptHandler(name=name):
                names.add(name)
            case ast.MatchAs(name=name) | ast.MatchStar(name=name) | ast.MatchMapping(rest=name):
                names.add(name)
    return {name for name in names if name}


def _collect(node: ast.AST, found: dict[str, list[str]]) -> None:
    root = _root(node)
    if root is None or isinstance(node, ast.Name):
        for child in ast.iter_child_nodes(node):
            _collect(child, found)
    elif root in found and (expression := ast.unparse(node)) not in found[root]:
        found[root].append(expression)


def _root(node: ast.AST) -> str | None:
    """The name that a chain of attributes, literal subscripts and bare calls begins with."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner):
            return _root(inner)
        case ast.Subscript(value=inner, slice=key) if _is_literal(key):
            return _root(inner)
        case ast.Call(func=ast.Attribute() as method, args=[], keywords=[]):
            return _root(method)
    return None


def _is_literal(node: ast.AST) -> bool:
    try:
        ast.literal_eval(ast.unparse(node))
    except (ValueError, SyntaxError):
        return False
    return True
