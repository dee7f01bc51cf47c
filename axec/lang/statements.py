"""Python statements that need the value of a traced array, written with axec's combinators: hints
that work when they are put in the place of the user's own lines."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator

from axec.lang.source import Site, user_site

_Branching = ast.If | ast.IfExp | ast.While | ast.For


def branch_or_loop(rank: int) -> str:
    """For an `if`, `while` or `... if ... else ...` on an array of this rank."""
    site = user_site()
    test = (site.text if site else "") or "condition"
    if rank:
        return (
            f"select element by element with `axe.where({test}, a, b)`, or make one bool of it: "
            "`.any()`, `.all()`"
        )
    node = _around(site)
    found = _as_loop(node) if isinstance(node, ast.While) else _as_cond(node)
    if found is not None:
        return _instead(node, found)
    if isinstance(node, ast.While):
        return (
            f"write `carry = axe.while_loop(lambda carry: {test}, body, carry)`, where `body` "
            "takes the carry, all that the loop changes, to that of the next round"
        )
    return (
        f"select between two results with `axe.where({test}, a, b)`, or run one of two functions "
        f"with `axe.cond({test}, f, g, *operands)`; a test of shapes or of Python values may stay "
        "an `if`"
    )


def counted_loop() -> str | None:
    """For `range(n)` of a `for` loop with an array n."""
    node = _around(user_site())
    if not isinstance(node, ast.For) or not isinstance(node.iter, ast.Call):
        return None
    bounds = [ast.unparse(a) for a in node.iter.args]
    if len(bounds) > 2 or not isinstance(node.target, ast.Name):
        return None
    low, high = bounds if len(bounds) == 2 else ("0", bounds[0])
    name, update = _update(node.body) or ("carry", "...")
    body = f"lambda {node.target.id}, {name}: {update}"
    return _instead(node, f"{name} = axe.fori_loop({low}, {high}, {body}, {name})")


def rows_loop() -> str | None:
    """For a `for` loop over the rows of an array."""
    node = _around(user_site())
    if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name):
        return None
    name, update = _update(node.body) or ("carry", "...")
    body = f"lambda {name}, {node.target.id}: ({update}, None)"
    loop = f"{name}, _ = axe.scan({body}, {name}, {ast.unparse(node.iter)})"
    return _instead(node, loop) + ", or work on the whole axis at once, as `axe.sum(x, axis=0)`"


def _instead(node: _Branching | None, text: str) -> str:
    words = {ast.While: "while", ast.For: "for"}
    return f"instead of the `{words.get(type(node), 'if')}` write `{text}`"


def _as_cond(node: _Branching | None) -> str | None:
    if isinstance(node, ast.IfExp):
        parts = (ast.unparse(n) for n in (node.test, node.body, node.orelse))
        return "axe.cond({}, lambda: {}, lambda: {})".format(*parts)
    if not isinstance(node, ast.If):
        return None
    first = _update(node.body)
    second = _update(node.orelse) if node.orelse else (first[0], first[0]) if first else None
    if first is None or second is None or first[0] != second[0]:
        return None
    test = ast.unparse(node.test)
    return f"{first[0]} = axe.cond({test}, lambda: {first[1]}, lambda: {second[1]})"


def _as_loop(node: ast.While) -> str | None:
    found = _update(node.body)
    if found is None:
        return None
    name, update = found
    test = ast.unparse(node.test)
    return f"{name} = axe.while_loop(lambda {name}: {test}, lambda {name}: {update}, {name})"


def _update(body: list[ast.stmt]) -> tuple[str, str] | None:
    """(name, expression) of a body that is one assignment to a name."""
    match body:
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)]:
            return name, ast.unparse(value)
        case [ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value)]:
            return name, ast.unparse(ast.BinOp(ast.Name(target.id), op, value))
    return None


def _around(site: Site | None) -> _Branching | None:
    """The innermost statement or expression that branches on the expression at a site."""
    if site is None:
        return None
    try:
        module = ast.parse("".join(linecache.getlines(site.file)))
    except SyntaxError:
        return None
    found = None
    at = (site.line, site.column)
    for node in _branching(module):
        test = node.iter if isinstance(node, ast.For) else node.test
        starts = (test.lineno, _column(site, test.lineno, test.col_offset))
        last = test.end_lineno or test.lineno
        ends = (last, _column(site, last, test.end_col_offset or 0))
        inside = starts <= at and (site.end_line, site.end_column) <= ends
        whole = (node.lineno, _column(site, node.lineno, node.col_offset)) == at
        if inside or (whole and isinstance(node, ast.For)):  # where `iter()` is called
            found = node
    return found


def _branching(module: ast.Module) -> Iterator[_Branching]:
    """Outer ones before inner ones."""
    return (n for n in ast.walk(module) if isinstance(n, _Branching))


def _column(site: Site, line: int, byte: int) -> int:
    """A column of the syntax tree, in bytes from 0, as sites count: in characters from 1."""
    text = linecache.getline(site.file, line).encode()
    return len(text[:byte].decode(errors="replace")) + 1
