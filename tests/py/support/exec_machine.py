"""Runs a planned program in a real arena, kernels by their NumPy references.

What two buffers in use share, a wrong offset, or a wrong row of the program table shows in results:
every launch reads its inputs from memory, fills its scratch with noise and writes its outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from axec.dialects import types
from axec.dialects.axe import OPS
from axec.dialects.emit import evaluate
from axec.dialects.exec import held_type
from axec.dialects.kernel import body_of, definitions, sizes, texts, yielded
from axec.dialects.opdef import Array
from axec.dialects.types import TensorType
from axec.passes.codegen.program import encode, programs
from axec.passes.kernel.templates import ops_of
from axec.runtime.program import (
    Copy,
    Launch,
    Leave,
    Loop,
    ProgramTable,
    Step,
    Switch,
    Value,
)
from axec.runtime.program import evaluate as evaluate_text

Memory = np.ndarray[Any, np.dtype[np.uint8]]


class Machine:
    """One exec.program at one size of its dims. `backwards`: the launches of a job run last to
    first; what they do must not depend on it."""

    def __init__(
        self, module: Any, dims: Mapping[str, int], name: str = "main", *, backwards: bool = False
    ) -> None:
        self.backwards = backwards
        self.kernels = list(definitions(module).values())
        self.program = programs(module)[name]
        weights, end = {}, 0
        self.roles = [r.value.partition(":") for r in self.program.attributes["roles"]]
        self.held = [held_type(a) for a in self.program.regions[0].blocks[0].arguments]
        for (kind, _, weight), t in zip(self.roles, self.held, strict=True):
            if kind == "weight":
                weights[weight] = end
                end += -(-_bytes(t, {}) // 64) * 64
        self.weights = weights
        table = encode(self.program, list(definitions(module)), weights)
        self.table = ProgramTable.decode(table.encode())
        self.dims = dict(dims)
        self.sizes = [dims[n] for n in sorted(dims)]
        self.values: list[int] = []
        self._know(self.table.values)
        text = self.program.attributes["arena_bytes"].value
        self.arena: Memory = _noise(evaluate_text(text, self.dims))
        self.weights_memory: Memory = _noise(end)

    def run(self, arguments: Sequence[Array]) -> list[Array]:
        """The results; `arguments` in the order of the function's parameters."""
        memory: dict[str, list[Memory]] = {"input": [], "output": []}
        given = iter(arguments)
        for (kind, _, name), t in zip(self.roles, self.held, strict=True):
            if kind == "output":
                memory[kind].append(_noise(_bytes(t, self.dims)))
                continue
            data = np.frombuffer(np.ascontiguousarray(next(given)).tobytes(), np.uint8)
            if kind == "input":
                memory[kind].append(data.copy())
            else:
                self.weights_memory[self.weights[name] :][: len(data)] = data
        bases = [*memory["input"], *memory["output"], self.weights_memory, self.arena]
        untouched = [m.copy() for m in (*memory["input"], self.weights_memory)]
        self._steps(self.table.steps, bases)
        for before, after in zip(untouched, (*memory["input"], self.weights_memory), strict=True):
            np.testing.assert_array_equal(before, after, "a program writes to results only")
        outputs = [t for (kind, _, _), t in zip(self.roles, self.held, strict=True)
                   if kind == "output"]  # fmt: skip
        return [_read(m, 0, t, self.dims) for m, t in zip(memory["output"], outputs, strict=True)]

    def _know(self, values: Sequence[Value]) -> None:
        for value in values:
            self.values.append(value.evaluate(self.sizes, self.values))

    def _steps(self, steps: Sequence[Step], bases: Sequence[Memory]) -> bool:
        """Run steps in order; false when one left the loop around them."""
        job: list[Launch] = []
        for step in steps:
            match step:
                case Launch():
                    job.append(step)
                    if not step.joined:
                        for launch in reversed(job) if self.backwards else job:
                            self._launch(launch, bases)
                        job.clear()
                case Loop(limit, values, body):
                    known, limit = len(self.values), self.values[limit]
                    for turn in range(limit):
                        self.values.append(turn)
                        self._know(values)
                        self._show(known)
                        on = self._steps(body, bases)
                        del self.values[known:]
                        if not on:
                            break
                case Switch(place, width, branches):
                    memory, at = bases[place[0]], self.values[place[1]]
                    index = int.from_bytes(memory[at : at + width].tobytes(), "little", signed=True)
                    if not self._steps(branches[min(max(index, 0), len(branches) - 1)], bases):
                        return False
                case Copy(source, target, nbytes):
                    read, write = (
                        bases[b][self.values[v] :][: self.values[nbytes]]
                        for b, v in (source, target)
                    )
                    write[:] = read
                case Leave():
                    return False
        return True

    def _show(self, known: int) -> None:
        """Counters, and what follows from them, are words of the arena that kernels may read."""
        for at in range(known, len(self.values)):
            self.arena[8 * at : 8 * at + 8] = np.frombuffer(
                np.int64(self.values[at]).tobytes(), np.uint8
            )

    def _launch(self, launch: Launch, bases: Sequence[Memory]) -> None:
        kernel = self.kernels[launch.kernel]
        own = texts(kernel.attributes["dims"])
        bound = dict(zip(own, (self.values[d] for d in launch.dims), strict=True))
        places = [(bases[b], self.values[v], b) for b, v in launch.args]
        head = self.program.attributes["table_bytes"].value
        ins = [types.of(a) for a in body_of(kernel).arguments]
        for _, offset, base in places[len(ins) :]:
            assert base != len(bases) - 1 or offset >= head, "the value table is overwritten"
        outs = [types.of(v) for v in yielded(kernel)]
        inputs = [_read(m, o, t, bound) for (m, o, _), t in zip(places, ins, strict=False)]
        scratch = [evaluate_text(str(s), bound) for s in sizes(kernel.attributes["workspace"])]
        for (m, o, _), n in zip(places[len(ins) + len(outs) :], scratch, strict=True):
            assert o + n <= len(m)
            m[o : o + n] = _noise(n)
        for (m, o, _), array in zip(
            places[len(ins) :], _apply(kernel, inputs, bound), strict=False
        ):
            data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
            assert o + len(data) <= len(m)
            m[o : o + len(data)] = data


def _apply(kernel: Any, inputs: Sequence[Array], bound: Mapping[str, int]) -> list[Array]:
    env = dict(zip(body_of(kernel).arguments, inputs, strict=True))
    for o in ops_of(kernel):
        op = OPS[o.name]
        attrs = op.attrs_at(op.attrs_from_ir(o), bound)
        env[o.results[0]] = evaluate(op, [env[v] for v in o.operands], attrs)
    return [env[v] for v in yielded(kernel)]


def _bytes(t: TensorType, dims: Mapping[str, int]) -> int:
    return int(np.prod(t.shape_at(dims), dtype=int)) * t.dtype.size


def _read(memory: Memory, offset: int, t: TensorType, dims: Mapping[str, int]) -> Array:
    data = memory[offset : offset + _bytes(t, dims)]
    return np.frombuffer(data.tobytes(), t.dtype.numpy).reshape(t.shape_at(dims))


def _noise(n: int) -> Memory:
    return np.full(n, 0xA5, np.uint8)
