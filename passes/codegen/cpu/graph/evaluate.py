"""Pull evaluation: the value of a body's tensor at an index, as a node.

`Evaluator.at(tensor, index, mask)` asks the op that makes the tensor; pointwise ops ask their
operands at the same index, rearranging ops at another one, block arguments become loads. Each rule
is a generator that yields its questions and returns its answer, so that a chain of a thousand ops
needs no thousand stack frames; a question is answered once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from axec.diag import AxecError
from axec.dialects import dims, dtypes
from axec.dialects.locations import location_of
from axec.passes.codegen.cpu.graph import rearrange
from axec.passes.codegen.cpu.graph.body import Body, Def
from axec.passes.codegen.cpu.graph.nodes import Buffer, Graph, Index, Mask, Node
from axec.passes.codegen.cpu.graph.pointwise import POINTWISE
from axec.passes.codegen.cpu.graph.rearrange import Answer, Question, Rule
from axec.passes.codegen.cpu.graph.signs import sign
from axec.passes.codegen.cpu.lanes.registers import register_type
from axec.passes.codegen.llvm import I32, PTR, Module

_TABLE_ALIGN = 64


class Evaluator:
    """Evaluates one body. `buffers`: tensors that lie in memory; `given`: tensors that the loop
    code computes (a reduction's result), at the index where it has them."""

    def __init__(self, body: Body, graph: Graph, module: Module) -> None:
        self.body = body
        self.graph = graph
        self.module = module
        self.given: dict[tuple[Def, Index], Node] = {}
        self.buffers = {
            d: Buffer(graph.slot(i, PTR), d.type.dtype, d.shape) for i, d in enumerate(body.inputs)
        }
        self._known: dict[Question, Node] = {}

    def output(self, number: int) -> Buffer:
        """The buffer of a result."""
        type_ = self.body.results[number].type
        slot = self.graph.slot(len(self.body.inputs) + number, PTR)
        return Buffer(slot, type_.dtype, type_.shape)

    def results(self, index: Index, mask: Mask = ()) -> tuple[list[Buffer], list[Node], list[Node]]:
        """Of all results: the buffers, the elements at an index, and the addresses of these."""
        outputs = [self.output(number) for number in range(len(self.body.results))]
        values = [self.at(result, index, mask) for result in self.body.results]
        places = [self.graph.address(o, self.graph.offset(o, index)) for o in outputs]
        return outputs, values, places

    def at(self, tensor: Def, index: Index, mask: Mask = ()) -> Node:
        """The tensor's element at an index, where `mask` holds."""
        question = (tensor, index, mask)
        asked: list[tuple[Question, Answer]] = []
        while True:
            node = self._known.get(question) or self._direct(*question)
            if node is None:
                answer = RULES.get(question[0].name, _pointwise)(self, *question)
                asked.append((question, answer))
                question = next(answer)
                continue
            while True:
                self._known[question] = node
                if not asked:
                    return node
                question, answer = asked[-1]
                try:
                    question = answer.send(node)
                    break
                except StopIteration as done:
                    asked.pop()
                    node = done.value

    def _direct(self, tensor: Def, index: Index, mask: Mask) -> Node | None:
        """The answer where it needs no other tensor."""
        found = self.given.get((tensor, index))
        if found is not None:
            return found
        if tensor in self.buffers:
            return self.graph.load(self.buffers[tensor], index, mask)
        leaf = LEAVES.get(tensor.name)
        return leaf(self, tensor, index, mask) if leaf else None


def _constant(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Node:
    """A number where all elements are the same bits, else a load from a table in the artifact."""
    dtype, value = d.type.dtype, np.ascontiguousarray(d["value"])
    bits = value.reshape(-1).view(np.uint8).reshape(value.size, value.itemsize)
    if (bits == bits[:1]).all():
        number = value.reshape(-1)[0] if value.size else 0
        type_ = register_type(dtype)
        return ev.graph.constant(type_, float(number) if type_.is_float else int(number))
    name = f"{ev.body.name}.table{len(ev.buffers)}"
    ev.module.bytes_(name, value.tobytes(), _TABLE_ALIGN)
    ev.buffers[d] = Buffer(ev.graph.node("table", PTR, data=name), dtype, d.shape)
    return ev.graph.load(ev.buffers[d], index, mask)


def _iota(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Node:
    node, source = ev.graph.index(index[d["axis"]]), dtypes.i64
    size = d.shape[d["axis"]]
    if isinstance(size, int) and size < 1 << 31:  # i32 converts to floats in one instruction
        node, source = ev.graph.node("convert", I32, (node,)), dtypes.i32
    if source is d.type.dtype:
        return node
    data = ("cast", source, d.type.dtype, None)
    return ev.graph.node("op", register_type(d.type.dtype), (node,), data)


def _dim_size(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Node:
    node = ev.graph.index(ev.graph.size(dims.product(d["shape"])))
    data = ("cast", dtypes.i64, d.type.dtype, None)
    return ev.graph.node("op", register_type(d.type.dtype), (node,), data)


def _pointwise(ev: Evaluator, d: Def, index: Index, mask: Mask) -> Answer:
    """The rule of all ops without one of their own."""
    if d.name not in POINTWISE:
        raise AxecError(
            "op-unsupported",
            f"kernel {ev.body.name}: {d.name} is read where template {ev.body.template} cannot",
            location=location_of(d.operation),
            hint="this is a bug in axec: please report it with the output of `--emit kernel`",
        )
    inputs = []
    for x in d.operands:
        inputs.append((yield x, index, mask))
    dtype = d.operands[-1].type.dtype  # the first operand of a select is its condition
    attribute = d["direction"] if d.name == "compare" else None
    name = d.name
    if name == "exp" and sign(d.operands[0]) < 0:
        name = "exp_of_negative"
    data = (name, dtype, d.type.dtype, attribute)
    return ev.graph.node("op", register_type(d.type.dtype), tuple(inputs), data)


Leaf = Callable[[Evaluator, Def, Index, Mask], Node]
LEAVES: dict[str, Leaf] = {"constant": _constant, "iota": _iota, "dim_size": _dim_size}
RULES: dict[str, Rule] = rearrange.RULES
