"""Resolve applications of functions, transformed or not, into axe ops.

    %y, %gx = fn.vjp(%x, %gy) {callee = @f, wrt = [0], seeds = [0]}
    =>  the ops of @f on %x, followed by those that take %gy back to %x

A callee is resolved before its caller, so that transformations nest in any order. What has
derivatives of the user's own (fn.custom) stays whole until nobody can differentiate it any more.
Branches and loops (control) stay as they are, their bodies transformed: private functions that they
run are what is left beside the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import axec.passes.axe.grad.families  # enters the rules into their tables
import axec.passes.axe.vmap.families  # noqa: F401  (likewise)
from axec.dialects import control, fn
from axec.dialects.functions import block_of, define, functions, is_private, name_of
from axec.mlir import ir
from axec.passes.axe.grad.forward import jvp
from axec.passes.axe.grad.reverse import vjp
from axec.passes.axe.vmap.batch import vmap
from axec.passes.axe.walk import Walk
from axec.passes.base import Pass, register


@register
@dataclass(frozen=True)
class Transform(Pass):
    """Differentiate, batch and inline the functions that others apply."""

    name = "transform"

    def run(self, module: Any) -> None:
        resolver = _Resolver(module)
        entries = [f for f in functions(module) if not is_private(f)]
        for function in entries:
            resolver.resolve_all(function)
        kept = set().union(*(resolver.finish(function) for function in entries))
        for function in list(functions(module)):
            if name_of(function) not in kept:
                function.erase()


class _Resolver:
    """Resolves the functions of a module, each once."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.functions = {name_of(f): f for f in functions(module)}
        self._resolved: set[str] = set()
        self._added: dict[Any, str] = {}
        self.known: dict[Any, Any] = {}
        self._is_plain = True  # nothing but axe ops in all functions that were resolved

    def block(self, name: str) -> Any:
        """The block of a function in which axe ops and fn.custom are left."""
        block = block_of(self.functions[name])
        if name not in self._resolved:
            self._resolved.add(name)
            for operation in _others(block):
                if operation.name in APPLICATIONS:
                    self._replace(operation, APPLICATIONS[operation.name])
                else:
                    self._is_plain = False
        return block

    def add(
        self, name: str, arguments: Sequence[Any], body: Callable[..., list[Any]], key: Any = ()
    ) -> str:
        """A private function that is made the first time; its name, made unique."""
        known = (name, key, *arguments)
        if known in self._added:  # also while its body is emitted, which may apply it
            return self._added[known]
        unique = self._added[known] = f"{name}.{len(self._added)}"
        with ir.InsertionPoint(self.module.body):
            self.functions[unique] = define(unique, arguments, body, private=True)
        self._resolved.add(unique)
        return unique

    def resolve_all(self, entry: Any) -> None:
        """Resolve all functions that running an entry can lead to."""
        waiting, seen = [name_of(entry)], set()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                block = self.block(name)
                waiting += [n for o in self._left(block) for n in _used(o)]

    def finish(self, entry: Any) -> set[str]:
        """Leave nothing but axe and control ops in an entry, of which all derivatives were taken,
        and in the functions that it runs, whose names are returned."""
        waiting, done = [name_of(entry)], set()
        while waiting:
            name = waiting.pop()
            if name in done:
                continue
            done.add(name)
            block = self.block(name)
            while calls := [o for o in self._left(block) if o.name == "fn.custom"]:
                for operation in calls:
                    self._replace(operation, _call)
            waiting += [n for o in self._left(block) for n in control.bodies(o)]
            if "axe.dims" in entry.attributes:  # a body sees the dims of who runs it
                self.functions[name].attributes["axe.dims"] = entry.attributes["axe.dims"]
        return done

    def _left(self, block: Any) -> list[Any]:
        """The ops of a resolved block that are not of the axe dialect."""
        return [] if self._is_plain else _others(block)

    def _replace(self, operation: Any, rule: Callable[..., list[Any]]) -> None:
        with ir.InsertionPoint(operation), operation.location:
            found = rule(self, operation, list(operation.operands))
        for old, new in zip(operation.results, found, strict=True):
            old.replace_all_uses_with(new)
        operation.erase()


def _others(block: Any) -> list[Any]:
    """The ops that are not of the axe dialect, but for the terminator."""
    found = (o.operation for o in block.operations)
    return [o for o in found if not o.name.startswith(("axe.", "func."))]


def _used(operation: Any) -> tuple[str, ...]:
    """The functions that an op runs when no derivative of it is taken."""
    if operation.name == "fn.custom":
        return (fn.callee(operation),)
    return control.bodies(operation)


def _call(resolver: _Resolver, operation: Any, operands: list[Any]) -> list[Any]:
    return Walk(resolver).block(resolver.block(fn.callee(operation)), operands)


def _vjp(resolver: _Resolver, operation: Any, operands: list[Any]) -> list[Any]:
    wrt, seeds = fn.axes(operation, "wrt"), fn.axes(operation, "seeds")
    count = len(operands) - len(seeds)
    given = dict(zip(seeds, operands[count:], strict=True))
    block = resolver.block(fn.callee(operation))
    return vjp(resolver, block, operands[:count], given, wrt)


def _jvp(resolver: _Resolver, operation: Any, operands: list[Any]) -> list[Any]:
    wrt, outs = fn.axes(operation, "wrt"), fn.axes(operation, "outs")
    count = len(operands) - len(wrt)
    given = dict(zip(wrt, operands[count:], strict=True))
    block = resolver.block(fn.callee(operation))
    return jvp(resolver, block, operands[:count], given, outs)


# Op -> `(resolver, operation, operands) -> results`, emitted at the insertion point.
APPLICATIONS: dict[str, Callable[..., list[Any]]] = {
    "fn.call": _call,
    "fn.vjp": _vjp,
    "fn.jvp": _jvp,
    "fn.vmap": vmap,
}
