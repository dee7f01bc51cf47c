"""Map kernels of a stack along the last axis: lanes run along the axes before it, and the vectors
of all parts are stored lane by lane in turn."""

from __future__ import annotations

from collections.abc import Sequence

from axec.passes.codegen.cpu.frame import Frame, reachable
from axec.passes.codegen.cpu.graph.body import Def
from axec.passes.codegen.cpu.graph.evaluate import Evaluator
from axec.passes.codegen.cpu.graph.nodes import Affine, Index, Node
from axec.passes.codegen.cpu.graph.rearrange import split
from axec.passes.codegen.cpu.graph.space import Run, positions, runs
from axec.passes.codegen.cpu.lanes import memory
from axec.passes.codegen.cpu.lanes.loops import Values, lanes_loop, over_rows, weight
from axec.passes.codegen.cpu.lanes.registers import to_memory
from axec.passes.codegen.cpu.map import turned
from axec.passes.codegen.llvm import Builder, Value
from axec.passes.kernel import templates

_COUNTS = (2, 3, 4)


def fits(pieces: Sequence[Def]) -> bool:
    """Are these, which are concatenated along the last axis, a few tensors of size 1?"""
    return len(pieces) in _COUNTS and all(x.shape[-1] == 1 for x in pieces)


def emit(f: Frame, walk: templates.Loop, axis: int) -> bool:
    """Write the loops; False, and nothing written, where no lanes can run along other axes."""
    results = f.body.results
    shape, count = results[0].shape, results[0].shape[axis]
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
    if any(turned.is_turned(n, row) for n in reachable(flat)):
        return False
    f.choose_lanes(flat, groups[-1].extent)
    if f.emission.lanes == 1:
        return False
    _loops(f, walk, groups, (row, lane), values, indices[0])
    return True


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
