"""The core of the builder: lines of text, names, blocks, calls. No arithmetic.

Instructions are appended in order, so unnamed values can be numbered as LLVM does (%0, %1, ...);
every block has a name. `block` is the name of the block being filled, "" after a terminator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from axec.passes.codegen.llvm.types import VOID, Type
from axec.passes.codegen.llvm.values import Operand, Value, constant

if TYPE_CHECKING:
    from axec.passes.codegen.llvm.module import Module

UNLIKELY = ", !prof !0"


class Emitter:
    """Appends instructions to one function of `module`."""

    def __init__(self, module: Module, names: Sequence[str]) -> None:
        self.module = module
        self.avx512 = False  # the target has it: some steps are one instruction then
        self.lines: list[str] = []
        self.block = "entry"
        self._temporaries = 0
        self._mangled: dict[tuple[str | Type, ...], str] = {}
        self._names: dict[str, int] = {"entry": 1} | dict.fromkeys(names, 1)

    def emit(self, text: str, type_: Type, name: str = "") -> Value:
        """Append `%name = text`; without a name the value is numbered."""
        if name:
            ref = "%" + self.fresh(name)
        else:
            ref = f"%{self._temporaries}"
            self._temporaries += 1
        self.lines.append(f"  {ref} = {text}")
        return Value(ref, type_)

    def fresh(self, name: str) -> str:
        """`name`, or `name.1`, `name.2`, ... when it is taken (values and blocks share names)."""
        names = self._names
        count = names.get(name, 0)
        unique = name
        while unique in names:
            unique = f"{name}.{count}"
            count += 1
        names[name] = max(count, 1)
        names[unique] = max(names.get(unique, 0), 1)
        return unique

    def comment(self, text: str) -> None:
        """A line of explanation in the IR text."""
        self.lines.append(f"  ; {text}")

    # Blocks and terminators: for code that is not structured; see control.py for loops and ifs.

    def label(self, name: str) -> str:
        """A new label; `place` puts it somewhere."""
        return self.fresh(name)

    def place(self, label: str) -> None:
        """Begin the block `label` here; an open block before it falls through into it."""
        if self.block:
            self.branch(label)
        self.lines.append(f"{label}:")
        self.block = label

    def branch(self, label: str) -> None:
        """Jump to `label`."""
        self._terminate(f"br label %{label}")

    def branch_if(self, cond: Value, label: str, *, unlikely: bool = False) -> None:
        """Jump to `label` when `cond`, otherwise go on in a new block."""
        onward = self.fresh("next")
        self.cond_branch(cond, label, onward, unlikely=unlikely)
        self.place(onward)

    def cond_branch(self, cond: Value, yes: str, no: str, *, unlikely: bool = False) -> None:
        """Jump to `yes` or `no`; `unlikely` says that `yes` is the rare way."""
        weights = UNLIKELY if unlikely else ""
        self._terminate(f"br i1 {cond.text}, label %{yes}, label %{no}{weights}")

    def switch(self, value: Value, cases: Mapping[int, str], default: str) -> None:
        """Jump to the label of the case that `value` equals."""
        arms = " ".join(f"{value.type} {n}, label %{label}" for n, label in cases.items())
        self._terminate(f"switch {value.typed}, label %{default} [{arms}]")

    def ret(self, value: Value | None = None) -> None:
        """Return from the function."""
        self._terminate(f"ret {value.typed}" if value else "ret void")

    def unreachable(self) -> None:
        """Say that control never comes here."""
        self._terminate("unreachable")

    def phi(self, arms: Sequence[tuple[Value, str]], name: str = "") -> Value:
        """The value that belongs to the block control came from: [(value, block), ...]."""
        return self.emit(phi_text(arms), arms[0][0].type, name)

    def _terminate(self, text: str) -> None:
        self.lines.append("  " + text)
        self.block = ""

    # Calls.

    def call(
        self, callee: str | Value, result: Type, args: Sequence[Value], name: str = ""
    ) -> Value:
        """Call a function of this module by name ("k0"), or through a pointer value."""
        target = callee.text if isinstance(callee, Value) else "@" + callee
        text = f"call {result.text} {target}({', '.join([a.typed for a in args])})"
        if result is VOID:
            self.lines.append("  " + text)
            return Value("", VOID)
        return self.emit(text, result, name)

    def intrinsic(
        self,
        base: str,
        overloads: Sequence[Type],
        result: Type,
        args: Sequence[Value],
        *,
        flags: str = "",
        name: str = "",
    ) -> Value:
        """Call `llvm.<base>.<overloads>`, declared in the module on first use."""
        mangled = self._mangled.get((base, *overloads))
        if mangled is None:
            mangled = self._declare_intrinsic(base, overloads, result, args)
        operands = ", ".join([f"{a.type.text} {a.text}" for a in args])
        flags = flags + " " if flags else ""
        text = f"call {flags}{result.text} @{mangled}({operands})"
        if result is VOID:
            self.lines.append("  " + text)
            return Value("", VOID)
        return self.emit(text, result, name)

    def _declare_intrinsic(
        self, base: str, overloads: Sequence[Type], result: Type, args: Sequence[Value]
    ) -> str:
        mangled = ".".join(["llvm", base, *[t.mangled for t in overloads]])
        self.module.declare(mangled, result, [a.type for a in args])
        self._mangled[(base, *overloads)] = mangled
        return mangled

    def opaque(self, x: Value) -> Value:
        """The scalar x, which LLVM then takes for unknown even when it is a constant."""
        return self.emit(f'call {x.type.text} asm "", "=r,0"({x.typed})', x.type)


def phi_text(arms: Sequence[tuple[Value, str]]) -> str:
    """The right-hand side of a phi."""
    incoming = ", ".join([f"[ {value.text}, %{block} ]" for value, block in arms])
    return f"phi {arms[0][0].type.text} {incoming}"


def operand(type_: Type, x: Operand) -> Value:
    """`x` itself, or the Python number `x` as a constant of `type_`."""
    return x if x.__class__ is Value else constant(type_, x)  # type: ignore[arg-type]
