"""What an entry takes and gives, as a table that generated code walks (call.py).

A model adds data, not code: its stub `axe_call_<i>` hands its table to the one `axe_call`.

TABLE      i64 words
    0 n_inputs    1 n_outputs    2 n_dims
    3 n_code      instructions of the value program; 0 = no size is a compound expression
    4 n_values    values it computes (the distinct compound sizes)
    5 n_args      arguments, each a tree of inputs
    6 n_in, 7 n_out  nodes of the arguments' trees, and of the result's
    8 ranges      n_dims pairs (lowest, highest)
      code        n_code pairs (opcode, operand), as in runtime/program.py
      nodes       of the arguments' trees, then of the result's (trees.py)
      arrays      n_inputs + n_outputs records (axes, format, mask, donor, axis...):
                  number of axes; the characters of the buffer format that are accepted, one per
                  byte (two bytes), and in a third 1 where the array may be one of bfloat16; item
                  size - 1; the input whose memory an output takes, or -1;
                  one word per axis: a size, or -1 - d for dim d, or -1 - n_dims - v for value v
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from axec.passes.codegen.cpu.support.trees import NODE_BYTES, Tree, node_words
from axec.passes.codegen.llvm import I64, PTR, Module, constant
from axec.runtime import program
from axec.runtime.abi import DTYPES, State
from axec.runtime.program import Op
from axec.runtime.tree import names

__all__ = ["ArraySpec", "Signature", "emit_call_stub"]

_LEAF: Tree = {"kind": "leaf"}


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """An array that an entry takes or gives; a size is a number or a dim expression. `donor`: of an
    output, the input whose memory it takes."""

    dtype: str
    shape: tuple[int | str, ...]
    donor: int | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """What an entry takes and gives. `dims`: name -> (lowest, highest), in sorted order; every dim
    is the plain size of some axis of an input. `in_trees`: of the arguments, by default one array
    each; `out_tree`: by default an array, or a tuple of them."""

    inputs: tuple[ArraySpec, ...]
    outputs: tuple[ArraySpec, ...]
    dims: Mapping[str, tuple[int, int]]
    in_trees: Sequence[Tree] | None = None
    out_tree: Tree | None = None

    @staticmethod
    def from_manifest(entry: Mapping[str, Any]) -> Signature:
        """The signature of a manifest's entry."""
        inputs, outputs = (
            tuple(ArraySpec(a["dtype"], tuple(a["shape"]), a.get("donor")) for a in entry[key])
            for key in ("inputs", "outputs")
        )
        dims = {name: (lo, hi) for name, (lo, hi) in sorted(entry["dims"].items())}
        return Signature(inputs, outputs, dims, entry["in_tree"]["children"], entry["out_tree"])

    def words(self) -> list[int]:
        """The table."""
        names = tuple(self.dims)
        arrays = [*self.inputs, *self.outputs]
        sizes = {s for a in arrays for s in a.shape if isinstance(s, str)} - set(names)
        compound = sorted(sizes)
        code = [
            word
            for index, text in enumerate(compound)
            for step in (*program.Value.parse(text, names).code, (Op.STORE, index))
            for word in step
        ]
        slots = {name: -1 - i for i, name in enumerate([*names, *compound])}
        n_args, taken, given = self._nodes()
        header = [len(self.inputs), len(self.outputs), len(names), len(code) // 2, len(compound)]
        header += [n_args, *(len(nodes) * 8 // NODE_BYTES for nodes in (taken, given))]
        ranges = [end for ends in self.dims.values() for end in ends]
        records = [word for array in arrays for word in _array_words(array, slots)]
        return [*header, *ranges, *code, *taken, *given, *records]

    def _nodes(self) -> tuple[int, list[int], list[int]]:
        """The number of arguments, and the words of their trees and of the result's."""
        in_trees = [_LEAF] * len(self.inputs) if self.in_trees is None else self.in_trees
        leaves = {"kind": "tuple", "children": [_LEAF] * len(self.outputs)}
        out_tree = self.out_tree or (_LEAF if len(self.outputs) == 1 else leaves)
        count = len(in_trees)
        behind = count + sum(len(names(tree)) for tree in in_trees)
        return count, node_words(in_trees, count), node_words([out_tree], behind)


def _array_words(array: ArraySpec, slots: Mapping[str, int]) -> list[int]:
    size, _, formats = DTYPES[array.dtype]
    first, second = formats[0], formats[-1]
    axes = [slots[s] if isinstance(s, str) else s for s in array.shape]
    donor = -1 if array.donor is None else array.donor
    text = ord(first) | ord(second) << 8 | (array.dtype == "bf16") << 16
    return [len(axes), text, size - 1, donor, *axes]


def emit_call_stub(module: Module, index: int, signature: Signature) -> None:
    """axe_call_<index> and axe_state_<index>: the entry's table, and a jump to `axe_call`."""
    words = [constant(I64, word) for word in signature.words()]
    table = module.constant(f"axe_entry_{index}", words, align=8)
    state = module.variable(f"axe_state_{index}", I64, ctypes.sizeof(State) // 8, linkage="export")
    params = {"self": PTR, "args": PTR, "nargs": I64, "kwnames": PTR}
    b = module.function(f"axe_call_{index}", PTR, params, "export")
    module.import_("axe_call", PTR, [PTR, I64, PTR, PTR, PTR])
    b.ret(b.call("axe_call", PTR, [*b.args[1:], state, table]))
