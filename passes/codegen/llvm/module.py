"""An LLVM module under construction: functions, global data, declarations; `text()` is the IR.

Linkage in one word each: "export" (a symbol of the artifact), "hidden" (visible to the other
objects that are linked into it), "internal" (this module only).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from axec.passes.codegen.llvm.builder import Builder
from axec.passes.codegen.llvm.types import PTR, Type
from axec.passes.codegen.llvm.values import Value

Linkage = Literal["export", "hidden", "internal"]

#: "dso_local": the symbol is in this image, so its address needs no table.
_LINKAGE = {"export": "dso_local ", "hidden": "hidden ", "internal": "internal "}
#: !0: weights of a branch that is rarely taken; !1: marks a store that bypasses the caches.
_METADATA = ('!0 = !{!"branch_weights", i32 1, i32 4096}', "!1 = !{i32 1}")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a module: its builder and its signature."""

    builder: Builder
    result: Type
    params: dict[str, Type]
    linkage: Linkage

    def head(self, name: str) -> str:
        """The first line of the definition."""
        params = ", ".join(f"{t.text} %{n}" for n, t in self.params.items())
        return f"define {_LINKAGE[self.linkage]}{self.result.text} @{name}({params}) #0 {{"

    def declaration(self, name: str) -> str:
        """A declaration in place of the definition."""
        params = ", ".join(t.text for t in self.params.values())
        return f"declare dso_local {self.result.text} @{name}({params})"


class Module:
    """Functions and data in the order they were added: the same calls give the same text."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._globals: dict[str, str] = {}
        self._declarations: dict[str, str] = {}
        self.imports: dict[str, None] = {}  # names of functions of other objects, in order
        self.functions: dict[str, Function] = {}

    # Functions.

    def function(
        self, name: str, result: Type, params: dict[str, Type], linkage: Linkage = "hidden"
    ) -> Builder:
        """Begin a function; the builder fills it until its last block returns."""
        if name in self.functions:
            raise ValueError(f"function {name} is defined twice")
        builder = Builder(self, name, params)
        self.functions[name] = Function(builder, result, params, linkage)
        return builder

    def declare(self, name: str, result: Type, params: Sequence[Type], prefix: str = "") -> None:
        """Declare a function once; again is free."""
        if name not in self._declarations:
            types = ", ".join([p.text for p in params])
            self._declarations[name] = f"declare {prefix}{result.text} @{name}({types})"

    def import_(self, name: str, result: Type, params: Sequence[Type]) -> None:
        """Declare a function of another object that is linked into the same artifact."""
        self.imports[name] = None
        self.declare(name, result, params, "dso_local ")

    # Data. Each returns the address.

    def constant(
        self, name: str, values: Sequence[Value], align: int = 0, linkage: Linkage = "internal"
    ) -> Value:
        """A read-only table of values of one type."""
        element = values[0].type
        items = ", ".join([v.typed for v in values])
        text = f"constant [{len(values)} x {element.text}] [{items}]"
        return self._global(name, text, align or max(element.size, 1), linkage)

    def bytes_(self, name: str, data: bytes, align: int = 1) -> Value:
        """Read-only bytes."""
        quoted = "".join(
            chr(c) if 32 <= c < 127 and c not in b'"\\' else f"\\{c:02X}" for c in data
        )
        return self._global(name, f'constant [{len(data)} x i8] c"{quoted}"', align, "internal")

    def pointers(self, name: str, targets: Sequence[str], linkage: Linkage = "export") -> Value:
        """A read-only table of addresses of functions or data, filled in by the loader."""
        items = ", ".join(f"ptr @{t}" for t in targets)
        return self._global(name, f"constant [{len(targets)} x ptr] [{items}]", 8, linkage)

    def variable(
        self, name: str, type_: Type, count: int = 1, align: int = 8, linkage: Linkage = "internal"
    ) -> Value:
        """Zeroed writable memory: `count` elements."""
        array = f"[{count} x {type_.text}] zeroinitializer"
        return self._global(name, f"global {array}", align, linkage)

    def external(self, name: str) -> Value:
        """The address of data of another object in the same artifact."""
        self._globals.setdefault(name, f"@{name} = external dso_local global i8")
        return Value("@" + name, PTR)

    def address(self, name: str) -> Value:
        """The address of a function or datum of this module."""
        return Value("@" + name, PTR)

    def _global(self, name: str, text: str, align: int, linkage: Linkage) -> Value:
        if name in self._globals:
            raise ValueError(f"{name} is defined twice")
        self._globals[name] = f"@{name} = {_LINKAGE[linkage]}{text}, align {align}"
        return Value("@" + name, PTR)

    # Output.

    def text(self, only: str | None = None) -> str:
        """The module as LLVM IR; with `only`, one function, the others just declared."""
        defined = self.functions if only is None else {only: self.functions[only]}
        parts = [f"; module {self.name}", ""]
        parts += [*self._globals.values(), ""] if self._globals else []
        for name, function in defined.items():
            parts += [function.head(name), "entry:", *function.builder.lines, "}", ""]
        declared = [t for n, t in self._declarations.items() if n not in self.functions]
        declared += [f.declaration(n) for n, f in self.functions.items() if n not in defined]
        parts += [*declared, ""] if declared else []
        parts += ["attributes #0 = { nounwind }", "", *_METADATA, ""]
        return "\n".join(parts)
