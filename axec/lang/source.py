"""Where in the user's source an op comes from: the first frame outside axec, to the column.

A site is found once per instruction (`co_positions`, PEP 657) and cached, so that a loop over
layers pays for its lines once.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from axec.diag import Location

Key = tuple[int, int]  # id of a code object (kept alive by _POSITIONS), instruction offset
Position = tuple[int | None, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Site:
    """A span of source: 1-based lines, 1-based columns in characters, `end_column` exclusive."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    @property
    def location(self) -> Location:
        """The span for error messages; one that goes over several lines ends with its first."""
        end = self.end_column
        if self.end_line > self.line:
            end = len(linecache.getline(self.file, self.line).rstrip("\n")) + 1
        return Location(shown_path(self.file), self.line, self.column, end)

    @property
    def text(self) -> str:
        """The source of the span, or "" when it cannot be had."""
        lines = [linecache.getline(self.file, n) for n in range(self.line, self.end_line + 1)]
        if not lines or not all(lines):
            return ""
        lines[-1] = lines[-1][: self.end_column - 1]
        lines[0] = lines[0][self.column - 1 :]
        return "".join(lines)


def user_frame(above: int = 0) -> FrameType | None:
    """The innermost frame of the user's own code; None when axec's command line is the caller.
    `above`: how many callers are known to be axec's."""
    frame: FrameType | None = sys._getframe(1 + above)
    while frame is not None and (owner := _OWNERS[frame.f_globals.get("__name__")]) != "user":
        frame = None if owner == "cli" else frame.f_back
    return frame


def is_ours(frame: FrameType) -> bool:
    """Whether a frame runs code of axec itself."""
    return _OWNERS[frame.f_globals.get("__name__")] != "user"


class _Owners(dict[str | None, str]):
    """Whose code a module is, by name: "axec", "cli" (also axec's) or "user". Every op that is
    traced asks for that of all frames above it."""

    def __missing__(self, module: str | None) -> str:
        _, *parts = ours = (module or "").split(".")
        owner = "user" if ours[0] != "axec" else "cli" if parts[:1] == ["cli"] else "axec"
        return self.setdefault(module, owner)


_OWNERS = _Owners()


def user_site() -> Site | None:
    """The expression that the user's own code is evaluating."""
    frame = user_frame()
    return None if frame is None else site_of(frame.f_code, frame.f_lasti)


def user_location() -> Location | None:
    """`user_site` in the form that errors carry."""
    site = user_site()
    return None if site is None else site.location


def key_of(frame: FrameType) -> Key:
    """What identifies the expression that a frame is evaluating, as a cheap dictionary key."""
    return id(frame.f_code), frame.f_lasti


def site_of(code: CodeType, instruction: int) -> Site:
    """The site of one instruction (byte offset into the code)."""
    found = _SITES.get((id(code), instruction))
    if found is None:
        if id(code) not in _POSITIONS:
            _POSITIONS[id(code)] = (code, list(code.co_positions()))
        line, end_line, start, end = _POSITIONS[id(code)][1][max(instruction, 0) // 2]
        first = line or code.co_firstlineno
        last = end_line or first
        found = Site(
            _absolute(code.co_filename),
            first,
            _column(code.co_filename, first, start or 0),
            last,
            _column(code.co_filename, last, end or 0),
        )
        _SITES[id(code), instruction] = found
    return found


def definition_site(fn: Any) -> Site | None:
    """The `def` line of a function, or None for a callable without Python code."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return None
    return Site(_absolute(code.co_filename), code.co_firstlineno)


def shown_path(file: str) -> str:
    """A path as messages show it: relative when it lies under the current folder."""
    if not os.path.isabs(file):
        return file
    here = os.getcwd() + os.sep
    return file[len(here) :] if file.startswith(here) else file


def operands(site: Site | None) -> tuple[str, list[tuple[int, int]]]:
    """The source of an expression and, in it, the spans of its operands: of `x @ w` those of x and
    w; of a call its arguments, a method's receiver first. No spans where the source is not at
    hand, goes over several lines, or is of another form."""
    text = site.text if site is not None else ""
    if not text or "\n" in text:
        return text, []
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return text, []
    raw = text.encode()  # ast counts in bytes

    def at(byte: int | None) -> int:
        return len(raw[:byte].decode())

    spans = [(at(n.col_offset), at(n.end_col_offset)) for n in _operands(node)]
    return text, spans if isinstance(node, ast.Call) else [_with_brackets(text, s) for s in spans]


def _with_brackets(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """The span of an operand with the parentheses that the syntax tree leaves out."""
    start, end = span
    while text[start - 1 : start] == "(" and text[end : end + 1] == ")":
        start, end = start - 1, end + 1
    return start, end


def rewritten(site: Site | None, changed: Sequence[int], template: str) -> str | None:
    """The expression with some operands, by index, put where the template has `{}`:
    `rewritten(site, [1], "{}.T")` of `x @ w` is "x @ w.T". None where they are not known."""
    text, spans = operands(site)
    if max(changed) >= len(spans):
        return None
    for start, end in sorted((spans[i] for i in changed), reverse=True):
        operand = text[start:end]
        if template.startswith("{}") and not _is_tight(operand):
            operand = f"({operand})"
        text = text[:start] + template.replace("{}", operand) + text[end:]
    return text


def called_as(site: Site | None, function: str) -> str | None:
    """The call that the user wrote, of another function: `axe.exp(x)` for `np.exp(x)`."""
    text = site.text if site is not None else ""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(node, ast.Call) or "\n" in text:
        return None
    return function + text.encode()[node.func.end_col_offset :].decode()


def _operands(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.Call(args=args) if any(isinstance(a, ast.Starred) for a in args):
            return []
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Compare(left=left, comparators=[right]):
            return [left, right]
        case ast.Subscript(value=value, slice=index):
            return [value, index]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="axe" | "axec")), args=args):
            return args
        case ast.Call(func=ast.Attribute(value=ast.Attribute()), args=args):  # axe.nn.relu(x)
            return args
        case ast.Call(func=ast.Attribute(value=receiver), args=args):
            return [receiver, *args]
        case ast.Call(args=args):
            return args
    return []


def _is_tight(text: str) -> bool:
    """Whether a suffix such as `.T` binds to the whole of an expression."""
    tight = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Tuple)
    return text.startswith("(") or isinstance(ast.parse(text, mode="eval").body, tight)


def _absolute(file: str) -> str:
    return file if file.startswith("<") else os.path.abspath(file)  # "<stdin>" is no file


def _column(file: str, line: int, byte: int) -> int:
    """Bytes to characters: the interpreter counts UTF-8 bytes from 0, people characters from 1."""
    source = linecache.getline(file, line)
    if not source or source.isascii():
        return byte + 1
    return len(source.encode()[:byte].decode(errors="replace")) + 1


_SITES: dict[Key, Site] = {}
_POSITIONS: dict[int, tuple[CodeType, list[Position]]] = {}
