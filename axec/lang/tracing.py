"""Tracing: a Python function and the specs of its inputs become a function of the axe dialect.

    func.func @predict(%x: tensor<?x64xf32, ["batch"]> {axe.name = "x"},
                       %w: tensor<64x10xf32> {axe.weight = "params.w"})
        -> (tensor<?x10xf32, ["batch"]> {axe.name = "result"})
        attributes {axe.dims = {batch = [1, 4096]}}

Inputs come first, in the order of the parameters; then the weights, in the order of their first
use: every array that is bound to a parameter or that the function closes over, unless it is so
small that it is a constant.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from axec.dialects import attrs, load, types
from axec.dialects.axe.constants import constant
from axec.dialects.dims import Ranges
from axec.dialects.emit import IrEmit, plan
from axec.dialects.functions import set_type
from axec.dialects.opdef import Array, OpDef
from axec.lang import signature, tree
from axec.lang.arrays import core, dispatch
from axec.lang.arrays.tensor import Tensor
from axec.lang.donate import donors_of
from axec.lang.errors import AxecError, error
from axec.lang.signature import Argument
from axec.lang.source import Key, definition_site, is_ours, key_of, site_of, user_frame
from axec.mlir import LOCK, func, ir

_EMITTING = 4  # frames from `_location` to that of a function of axec which applies an op
CONSTANT_ELEMENTS = 16  # larger arrays are weights of the artifact
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


@dataclass(frozen=True, slots=True)
class Traced:
    """A traced function: the module that holds it, and what the IR does not say."""

    name: str
    module: Any  # ir.Module with one func.func
    in_tree: tree.Json  # a dict: parameters in order, without the bound ones
    out_tree: tree.Json
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: Mapping[str, Array]
    dims: Ranges
    sources: Mapping[str, str]  # file name in the IR's locations -> path
    # By number of an output: the input whose memory it takes.
    donors: Mapping[int, int] = field(default_factory=dict)

    @property
    def func(self) -> Any:
        """The func.func operation."""
        return self.module.body.operations[0]


def trace(
    fn: Callable[..., Any],
    specs: Sequence[Any] = (),
    *,
    name: str | None = None,
    keywords: Mapping[str, Any] = MappingProxyType({}),
    donate: Sequence[str] = (),
) -> Traced:
    """Trace `fn` for arguments like `specs` (positional) and `keywords`: pytrees whose leaves are
    all specs, which become inputs, or all arrays, which become weights. `donate`: names of inputs
    whose memory results take (donate.py).

    Raises AxecError: `input-count`, `argument-type`, `dim-range`, ... for arguments that do not
    fit, whatever the function's own ops raise, and `trace-failed` for other exceptions in it.
    """
    title = str(name or getattr(fn, "__name__", "main"))
    arguments = signature.arguments(fn, title, specs, keywords)
    with LOCK, load():
        inputs = [leaf for a in arguments if a.is_input for leaf in a.leaves]
        builder = Trace(fn, title, signature.ranges(inputs))
        with builder.location_of_definition:
            return builder.run(fn, arguments, donate)


class Trace:
    """The function under construction. Ops go to the end of its one block."""

    def __init__(self, fn: Callable[..., Any], name: str, ranges: Ranges) -> None:
        self.name = name
        self.ranges = ranges
        self.sources: dict[str, str] = {}
        site = definition_site(fn)
        self._folder = os.path.dirname(os.path.abspath(site.file)) if site else ""
        self._locations: dict[Key, Any] = {}
        self._constants: dict[tuple[Any, bytes], Any] = {}
        self._names: dict[int, str] = {}  # id of a bound array -> its path
        self._weights: dict[int, tuple[str, Array, Any]] = {}  # by id; the array keeps it alive
        self.location_of_definition = (
            ir.Location.file(self._file(site.file), site.line, 1) if site else ir.Location.unknown()
        )
        self._emit = IrEmit(self.location_of_definition)

    def run(
        self, fn: Callable[..., Any], arguments: Sequence[Argument], donate: Sequence[str] = ()
    ) -> Traced:
        """Call the function on traced inputs and close the program with what it returns."""
        given = [a for a in arguments if a.is_input]
        inputs = [pair for a in given for pair in zip(a.paths, a.leaves, strict=True)]
        module = ir.Module.create()
        with ir.InsertionPoint(module.body):
            self._func = func.FuncOp(self.name, ([s.type.ir() for _, s in inputs], []))
        self._block = self._func.add_entry_block()
        values = iter(list(self._block.arguments))
        with ir.InsertionPoint(self._block):
            args, kwargs = self._call_arguments(arguments, values)
            outputs, out_tree = self._results(self._call(fn, args, kwargs))
        names = _output_names(out_tree)
        donors = donors_of(self.name, donate, given, out_tree, [types.of(v) for v in outputs])
        self._close(inputs, outputs, names, donors)
        return Traced(
            name=self.name,
            module=module,
            in_tree={
                "kind": "dict",
                "keys": [a.name for a in given],
                "children": [a.treedef.json() for a in given],
            },
            out_tree=out_tree.json(),
            inputs=tuple(p for p, _ in inputs),
            outputs=names,
            weights={name: np.ascontiguousarray(a) for name, a, _ in self._weights.values()},
            dims=self.ranges,
            sources=self.sources,
            donors=donors,
        )

    def emit(self, op: OpDef, operands: Sequence[Tensor], given: dict[str, Any]) -> Tensor:
        """Append an op of one result that carries the user's current source location."""
        made = plan(op, tuple([t.type for t in operands]), given)
        self._emit.loc = self._location(_EMITTING)
        values = [t.value if t.trace is self else self._lift(t) for t in operands]
        return Tensor(self._emit.create(made, values)[0], self, made.types[0])

    def _call(self, fn: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        token = dispatch.ACTIVE.set(self)
        try:
            return fn(*args, **kwargs)
        except AxecError:
            raise
        except Exception as e:
            raise raised(e, "trace-failed", f"tracing `{self.name}`") from e
        finally:
            dispatch.ACTIVE.reset(token)

    def _call_arguments(
        self, arguments: Sequence[Argument], values: Any
    ) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for a in arguments:
            if a.is_input:
                leaves = [Tensor(next(values), self) for _ in a.leaves]
            else:
                leaves = [core.as_tensor(leaf) for leaf in a.leaves]
                for path, leaf in zip(a.paths, leaves, strict=True):
                    self._names.setdefault(id(leaf.value), path)
            whole = tree.unflatten(a.treedef, leaves)
            if a.keyword:
                kwargs[a.name] = whole
            else:
                args.append(whole)
        return args, kwargs

    def _results(self, result: Any) -> tuple[list[Any], tree.TreeDef]:
        """The MLIR values that the function returns."""
        leaves, treedef = tree.flatten(result)
        if not leaves:
            raise error("argument-type", f"`{self.name}` returns no array", hint="add a `return`?")
        tensors = [core.as_tensor(leaf) for leaf in leaves]
        return [t.value if t.trace is self else self._lift(t) for t in tensors], treedef

    def _close(
        self,
        inputs: Sequence[tuple[str, Any]],
        outputs: list[Any],
        names: Sequence[str],
        donors: Mapping[int, int],
    ) -> None:
        """The terminator, and the function's final type and attributes."""
        with ir.InsertionPoint(self._block):
            func.ReturnOp(outputs)
        set_type(self._func.operation)
        labels = [("axe.name", p) for p, _ in inputs]
        labels += [("axe.weight", name) for name, _, _ in self._weights.values()]
        self._func.attributes["arg_attrs"] = _labelled(labels)
        self._func.attributes["res_attrs"] = _labelled([("axe.name", n) for n in names])
        if donors:
            pairs = [[output, source] for output, source in donors.items()]
            self._func.attributes["axe.donors"] = attrs.KINDS["Pairs"].to_ir(pairs)
        if self.ranges:
            self._func.attributes["axe.dims"] = ir.DictAttr.get(
                {n: attrs.KINDS["Sizes"].to_ir(r) for n, r in self.ranges.items()}
            )

    def _lift(self, x: Tensor) -> Any:
        """The value of a concrete array in this program: a constant or a weight."""
        if x.trace is not None:
            raise dispatch.leaked(x)
        array: Array = x.value
        if array.size <= CONSTANT_ELEMENTS:
            key = (x.type, array.tobytes())
            if key not in self._constants:
                self._constants[key] = self._emit(constant, value=array)
            return self._constants[key]
        if id(array) not in self._weights:
            name = self._names.get(id(array)) or f"const_{self._unnamed()}"
            value = self._block.add_argument(x.type.ir(), self.location_of_definition)
            self._weights[id(array)] = (name, array, value)
        return self._weights[id(array)][2]

    def _unnamed(self) -> int:
        return sum(i not in self._names for i in self._weights)

    def _location(self, above: int = 1) -> Any:
        """The place in the user's source that is being evaluated; `above` as for `user_frame`."""
        frame = user_frame(above)
        if frame is None:
            return self.location_of_definition
        key = key_of(frame)
        found = self._locations.get(key)
        if found is None:
            s = site_of(frame.f_code, frame.f_lasti)
            file = self._file(s.file)
            found = ir.Location.file(file, s.line, s.column, s.end_line, s.end_column)
            self._locations[key] = found
        return found

    def _file(self, path: str) -> str:
        """The name of a file in the IR: its path below the function's folder, otherwise as few of
        its last parts as tell it apart, so that the IR does not depend on where sources lie."""
        inside = self._folder and path.startswith(self._folder + os.sep)
        parts = path.split(os.sep)
        shortest = len(parts) - self._folder.count(os.sep) - 1 if inside else 1
        for count in range(shortest, len(parts) + 1):
            name = "/".join(parts[-count:])
            if self.sources.setdefault(name, path) == path:
                break
        return name


def raised(e: BaseException, code: str, doing: str) -> AxecError:
    """An AxecError for an exception in the user's code, at the innermost frame of that code."""
    location = None
    tb = e.__traceback__
    while tb is not None:
        if not is_ours(tb.tb_frame) and not _is_library(tb.tb_frame.f_code.co_filename):
            location = site_of(tb.tb_frame.f_code, tb.tb_lasti).location
        tb = tb.tb_next
    return error(code, f"{doing}: {type(e).__name__}: {e}", location=location)


def _is_library(file: str) -> bool:
    return "site-packages" in file or file.startswith(("<frozen ", _STANDARD_LIBRARY))


def _labelled(labels: Sequence[tuple[str, str]]) -> Any:
    return ir.ArrayAttr.get([ir.DictAttr.get({k: ir.StringAttr.get(v)}) for k, v in labels])


def _output_names(treedef: tree.TreeDef) -> tuple[str, ...]:
    """Keys of a dict as they are, otherwise "result" and the path."""
    paths = tree.paths(treedef)
    if treedef.kind == "dict":
        return tuple(paths)
    return tuple(f"result.{p}" if p else "result" for p in paths)
