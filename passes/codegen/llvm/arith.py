"""Arithmetic, comparison, conversion. One method per meaning; the operand type picks the opcode.

Every binary method takes `Value op (Value | number)`; numbers become constants (splat for
vectors). Scalar integer constants are folded here, so that index arithmetic written in general
form leaves no trace in the IR.
"""

from __future__ import annotations

from collections.abc import Callable

from axec.passes.codegen.llvm.emitter import Emitter, operand
from axec.passes.codegen.llvm.types import F32, I1, PTR, Type, like
from axec.passes.codegen.llvm.values import Operand, Value, constant, wrap

_INT_PREDICATES = {
    "eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge",
    "ult": "ult", "ule": "ule", "ugt": "ugt", "uge": "uge",
}  # fmt: skip
#: IEEE: every comparison with NaN is false, except `ne`; `unordered` asks for a NaN.
_FLOAT_PREDICATES = {
    "eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge",
    "unordered": "uno", "ordered": "ord",
}  # fmt: skip
_PYTHON_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "eq": int.__eq__, "ne": int.__ne__, "lt": int.__lt__,
    "le": int.__le__, "gt": int.__gt__, "ge": int.__ge__,
}  # fmt: skip


class Arithmetic(Emitter):
    """The arithmetic part of the builder."""

    # Basic operations. `flags`: fast-math flags ("contract", "reassoc nsz") or "nsw"/"nuw".

    def add(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """x + y (integers wrap)."""
        y = operand(x.type, y)
        if y.const is not None:
            if y.const == 0:
                return x
            if x.const is not None:
                return constant(x.type, x.const + y.const)
        elif x.const == 0:
            return y
        return self._binary("fadd" if x.type.is_float else "add", x, y, flags, name)

    def sub(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """x - y."""
        y = operand(x.type, y)
        if y.const is not None:
            if y.const == 0:
                return x
            if x.const is not None:
                return constant(x.type, x.const - y.const)
        return self._binary("fsub" if x.type.is_float else "sub", x, y, flags, name)

    def mul(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """x * y."""
        y = operand(x.type, y)
        if y.const is not None:
            if y.const == 1:
                return x
            if y.const == 0 or x.const is not None:
                return constant(x.type, y.const * (x.const or 0))
        elif x.const == 1:
            return y
        elif x.const == 0:
            return x
        return self._binary("fmul" if x.type.is_float else "mul", x, y, flags, name)

    def div(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """x / y; integers truncate toward zero and y must not be 0."""
        y = operand(x.type, y)
        if y.const == 1:
            return x
        return self._binary("fdiv" if x.type.is_float else "sdiv", x, y, flags, name)

    def rem(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """Remainder of a signed integer division (sign of x); y must not be 0."""
        return self._binary("srem", x, operand(x.type, y), flags, name)

    def udiv(self, x: Value, y: Operand, name: str = "") -> Value:
        """x / y, unsigned; folds constants (the division of non-negative index arithmetic)."""
        y = operand(x.type, y)
        if y.const == 1:
            return x
        if y.const and x.const is not None:
            return constant(x.type, _unsigned(x) // _unsigned(y))
        return self._binary("udiv", x, y, "", name)

    def urem(self, x: Value, y: Operand, name: str = "") -> Value:
        """x % y, unsigned; folds constants."""
        y = operand(x.type, y)
        if y.const == 1:
            return constant(x.type, 0)
        if y.const and x.const is not None:
            return constant(x.type, _unsigned(x) % _unsigned(y))
        return self._binary("urem", x, y, "", name)

    def neg(self, x: Value, flags: str = "", name: str = "") -> Value:
        """-x (a float only changes its sign bit)."""
        if x.type.is_float:
            return self.emit(f"fneg {_space(flags)}{x.typed}", x.type, name)
        return self.sub(constant(x.type, 0), x, flags, name)

    # Bits.

    def and_(self, x: Value, y: Operand, name: str = "") -> Value:
        """Bitwise and."""
        return self._binary("and", x, operand(x.type, y), "", name)

    def or_(self, x: Value, y: Operand, name: str = "") -> Value:
        """Bitwise or."""
        return self._binary("or", x, operand(x.type, y), "", name)

    def xor(self, x: Value, y: Operand, name: str = "") -> Value:
        """Bitwise exclusive or."""
        return self._binary("xor", x, operand(x.type, y), "", name)

    def not_(self, x: Value, name: str = "") -> Value:
        """Bitwise complement."""
        return self._binary("xor", x, constant(x.type, -1), "", name)

    def shl(self, x: Value, y: Operand, name: str = "") -> Value:
        """x << y; y must be less than the width."""
        y = operand(x.type, y)
        if x.const is not None and y.const is not None:
            return constant(x.type, x.const << y.const)
        return self._binary("shl", x, y, "", name)

    def lshr(self, x: Value, y: Operand, name: str = "") -> Value:
        """x >> y, filling with zeros."""
        return self._binary("lshr", x, operand(x.type, y), "", name)

    def ashr(self, x: Value, y: Operand, name: str = "") -> Value:
        """x >> y, filling with the sign."""
        return self._binary("ashr", x, operand(x.type, y), "", name)

    def ctpop(self, x: Value, name: str = "") -> Value:
        """Number of set bits."""
        return self._same("ctpop", x, name=name)

    # Comparison and choice.

    def cmp(self, predicate: str, x: Value, y: Operand, name: str = "") -> Value:
        """i1 (or a vector of i1): eq ne lt le gt ge; ult ule ugt uge on unsigned integers and
        pointers; unordered / ordered on floats."""
        y = operand(x.type, y)
        if x.const is not None and y.const is not None and predicate in _PYTHON_COMPARE:
            return constant(I1, _PYTHON_COMPARE[predicate](x.const, y.const))
        self._same_type(x, y)
        table, opcode = (
            (_FLOAT_PREDICATES, "fcmp") if x.type.is_float else (_INT_PREDICATES, "icmp")
        )
        text = f"{opcode} {table[predicate]} {x.typed}, {y.text}"
        return self.emit(text, like(x.type, I1), name)

    def select(self, cond: Value, x: Value, y: Operand, name: str = "") -> Value:
        """x where cond, else y; cond is i1 or a vector of i1 with the lanes of x."""
        y = operand(x.type, y)
        if cond.const is not None:
            return x if cond.const else y
        self._same_type(x, y)
        return self.emit(f"select {cond.typed}, {x.typed}, {y.typed}", x.type, name)

    # Minimum, maximum, rounding, roots. Floats: NaN in, NaN out (as numpy.minimum).

    def min(self, x: Value, y: Operand, name: str = "") -> Value:
        """Smaller of both; signed for integers; a NaN wins."""
        y = operand(x.type, y)
        if x.const is not None and y.const is not None:
            return constant(x.type, min(x.const, y.const))
        return self._same("minimum" if x.type.is_float else "smin", x, y, name=name)

    def max(self, x: Value, y: Operand, name: str = "") -> Value:
        """Larger of both; signed for integers; a NaN wins."""
        y = operand(x.type, y)
        if x.const is not None and y.const is not None:
            return constant(x.type, max(x.const, y.const))
        return self._same("maximum" if x.type.is_float else "smax", x, y, name=name)

    def minnum(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """Smaller of both; a number wins over NaN. With "nnan" it is one instruction."""
        return self._same("minnum", x, operand(x.type, y), flags=flags, name=name)

    def maxnum(self, x: Value, y: Operand, flags: str = "", name: str = "") -> Value:
        """Larger of both; a number wins over NaN. With "nnan" it is one instruction."""
        return self._same("maxnum", x, operand(x.type, y), flags=flags, name=name)

    def umin(self, x: Value, y: Operand, name: str = "") -> Value:
        """Smaller of both, unsigned."""
        return self._same("umin", x, operand(x.type, y), name=name)

    def umax(self, x: Value, y: Operand, name: str = "") -> Value:
        """Larger of both, unsigned."""
        return self._same("umax", x, operand(x.type, y), name=name)

    def fma(self, x: Value, y: Operand, z: Operand, name: str = "") -> Value:
        """x * y + z with one rounding."""
        return self._same("fma", x, operand(x.type, y), operand(x.type, z), name=name)

    def abs(self, x: Value, name: str = "") -> Value:
        """Magnitude; the most negative integer stays itself."""
        if x.type.is_float:
            return self._same("fabs", x, name=name)
        return self.intrinsic("abs", [x.type], x.type, [x, constant(I1, 0)], name=name)

    def sqrt(self, x: Value, name: str = "") -> Value:
        """Square root, correctly rounded; NaN for negative numbers."""
        return self._same("sqrt", x, name=name)

    def floor(self, x: Value, name: str = "") -> Value:
        """Largest integer not above x."""
        return self._same("floor", x, name=name)

    def ceil(self, x: Value, name: str = "") -> Value:
        """Smallest integer not below x."""
        return self._same("ceil", x, name=name)

    def round_even(self, x: Value, name: str = "") -> Value:
        """Nearest integer, ties to even (numpy.round)."""
        return self._same("roundeven", x, name=name)

    def round_to_zero(self, x: Value, name: str = "") -> Value:
        """Integer part."""
        return self._same("trunc", x, name=name)

    def copysign(self, x: Value, sign: Operand, name: str = "") -> Value:
        """Magnitude of x with the sign of `sign`."""
        return self._same("copysign", x, operand(x.type, sign), name=name)

    # Shared.

    def _binary(self, opcode: str, x: Value, y: Value, flags: str, name: str) -> Value:
        if x.type is not y.type:
            self._same_type(x, y)
        flags = flags + " " if flags else ""
        return self.emit(f"{opcode} {flags}{x.type.text} {x.text}, {y.text}", x.type, name)

    def _same(self, base: str, *args: Value, flags: str = "", name: str = "") -> Value:
        type_ = args[0].type
        for other in args:
            if other.type is not type_:
                self._same_type(args[0], other)
        return self.intrinsic(base, [type_], type_, args, flags=flags, name=name)

    @staticmethod
    def _same_type(x: Value, y: Value) -> None:
        if x.type is not y.type:
            raise TypeError(f"operands differ in type: {x.typed}, {y.typed}")


class Conversion(Arithmetic):
    """The casting part of the builder."""

    def convert(self, x: Value, to: Type, *, signed: bool = True, name: str = "") -> Value:
        """x as element type `to.element`, as an array cast does: integers wrap, floats round to
        nearest even, float to integer truncates and saturates (NaN gives 0), to i1 is x != 0,
        an i1 counts as 0 or 1. `signed` says how integers are read. Lanes stay."""
        source, target = x.type.element, to.element
        if source is target:
            return x
        if target is I1:
            return self.cmp("ne", x, 0, name)
        result = like(x.type, target)
        unsigned = not signed or source is I1
        if source.is_int and target.is_int:
            return self._resize(x, result, unsigned, name)
        if source.is_int:
            return self._cast("uitofp" if unsigned else "sitofp", x, result, name)
        if target.is_int:
            if not signed:
                return self.intrinsic("fptoui.sat", [result, x.type], result, [x], name=name)
            return self._saturated(x, result, name)
        return self._refloat(x, result, name)

    def _saturated(self, x: Value, result: Type, name: str) -> Value:
        """Like LLVM's fptosi.sat, of which LLVM makes one scalar after the other."""
        limit = 2.0 ** (result.bits - 1)
        low, high = constant(x.type, -limit), constant(x.type, limit)
        found = self.float_to_int(self.select(self.cmp("gt", x, low), x, low), result)
        most = constant(result, (1 << result.bits - 1) - 1)
        found = self.select(self.cmp("ge", x, high), most, found)
        return self.select(self.cmp("unordered", x, x), constant(result, 0), found, name)

    def float_to_int(self, x: Value, to: Type, name: str = "") -> Value:
        """Truncation of numbers that are known to fit (else the result is any number): one
        instruction, where `convert` also saturates."""
        return self._cast("fptosi", x, like(x.type, to.element), name)

    def bitcast(self, x: Value, to: Type, name: str = "") -> Value:
        """The same bits as another type of the same total width."""
        return x if x.type is to else self._cast("bitcast", x, to, name)

    def ptrtoint(self, x: Value, to: Type, name: str = "") -> Value:
        """An address as an integer."""
        return self._cast("ptrtoint", x, to, name)

    def inttoptr(self, x: Value, name: str = "") -> Value:
        """An integer as an address."""
        return self._cast("inttoptr", x, PTR, name)

    def _resize(self, x: Value, result: Type, unsigned: bool, name: str) -> Value:
        if x.const is not None:
            return constant(result, _unsigned(x) if unsigned else wrap(x.type.bits, x.const))
        opcode = "trunc" if result.bits < x.type.bits else "zext" if unsigned else "sext"
        return self._cast(opcode, x, result, name)

    def _refloat(self, x: Value, result: Type, name: str) -> Value:
        if result.bits == x.type.bits:  # half <-> bfloat has no direct cast
            x = self._cast("fpext", x, like(x.type, F32), "")
        opcode = "fptrunc" if result.bits < x.type.bits else "fpext"
        return self._cast(opcode, x, result, name)

    def _cast(self, opcode: str, x: Value, to: Type, name: str) -> Value:
        return self.emit(f"{opcode} {x.typed} to {to.text}", to, name)


def _space(flags: str) -> str:
    return flags + " " if flags else ""


def _unsigned(x: Value) -> int:
    assert x.const is not None
    return x.const & ((1 << x.type.bits) - 1)
