"""Map kernels whose last axis is short and walked apart, stacks above all: lanes run along the axes
before it, and the vectors of all its positions are stored lane by lane in turn."""

from __future__ import annotations

from collections.abc import Sequence

from axec.dialects.types import Shape
from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Affine, Index, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.graph.space import Run, positions, runs
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.loops import Values, lanes_loop, over_rows, weight
from axec.passes.codegen.cpu.lanes.registers import to_memory
from axec.passes.codegen.llvm import Builder, Value
from axec.passes.kernel import templates

_COUNTS = (2, 3, 4)


def fits(groups: Sequence[Run], shape: Shape) -> bool:
    """Is the last of the runs of a shape its last axis, of a few elements?"""
    return len(groups) > 1 and groups[-1].axes == (len(shape) - 1,) and shape[-1] in _COUNTS


def emit(f: Frame, walk: templates.Loop) -> bool:
    """Write the loops; False, and nothing written, where no lanes can run along other axes."""
    results = f.body.results
    shape = results[0].shape
    axis, count = len(shape) - 1, shape[-1]
    assert isinstance(count, int)

    def pull(ev: Evaluator, index: Index) -> None:
        for part in range(count):
            for number, result in enumerate(results):
                at = (*index[:axis], Affine(part))
                ev.at(result, at)
                ev.graph.load(ev.output(number), at)

    groups = runs(f.body, (*shape[:axis], 1), pull)
    if not groups:
        return False
    row, lane = f.graph.variable(), f.graph.variable()
    extents = [run.extent for run in groups[:-1]]
    outer = split(f.graph, f.graph.of_node(row), extents)[: len(extents)]
    index = positions(len(shape), groups, [*outer, Affine(0, ((lane, 1),), 1)])
    indices = [(*index[:axis], Affine(part)) for part in range(count)]
    values = [[f.evaluator.at(r, i) for i in indices] for r in results]
    flat = [n for parts in values for n in parts]
    if any(_is_apart(n) for n in reachable(flat)):
        return False
    f.choose_lanes(flat, groups[-1].extent)
    if f.emission.lanes == 1:
        return False
    _loops(f, walk, groups, (row, lane), values, indices[0])
    return True


def _is_apart(node: Node) -> bool:
    """Lanes that are no neighbours in memory: rows of the short axis read them as well."""
    return node.kind == "gather" or (node.kind == "load_lanes" and abs(node.data[1]) > 1)


def _loops(
    f: Frame,
    walk: templates.Loop,
    groups: Sequence[Run],
    variables: tuple[Node, Node],
    values: Sequence[Sequence[Node]],
    index: Index,
) -> None:
    """The loops over rows and lanes. values: by result and part; index: of the first part."""
    e, b, count = f.emission, f.b, len(values[0])
    outputs = [f.evaluator.output(i) for i in range(len(values))]
    pointers = [f.graph.address(o, f.graph.offset(o, index)) for o in outputs]
    roots = [*[n for parts in values for n in parts], *pointers]

    def step(_: Values) -> Values:
        e.emit(roots)
        tail = e.tail
        e.tail = None if tail is None else in_turn(b, [tail] * count)
        for output, pointer, parts in zip(outputs, pointers, values, strict=True):
            found = [to_memory(b, output.dtype, e.vector(n)) for n in parts]
            memory.write(e, e.value(pointer), in_turn(b, found))
        e.tail = tail
        return ()

    def along(first: Value, last: Value) -> None:
        # Where a range ends inside of a row of parts, that row is of the range that it begins in.
        lo, hi = (b.udiv(b.add(end, count - 1), count) for end in (first, last))
        lanes_loop(e, variables[1], lo, hi, step, weight=weight(roots))

    *outer, inner = groups
    wide = Run((*inner.axes, len(index) - 1), inner.extent * count)
    over_rows(f, walk, [*outer, wide], variables[0], roots, along)


def in_turn(b: Builder, vectors: Sequence[Value]) -> Value:
    """Lane 0 of every vector, lane 1 of every vector, and so on."""
    lanes, count = vectors[0].type.lanes, len(vectors)
    joined = list(vectors)
    while len(joined) > 1:
        pairs = zip(joined[::2], [*joined[1::2], joined[-1]], strict=False)
        joined = [b.concat(x, y) for x, y in pairs]
    return b.shuffle(
        joined[0], None, [i % count * lanes + i // count for i in range(count * lanes)]
    )
