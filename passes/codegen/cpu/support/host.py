"""Calls from generated code to its process, through the host table (runtime/abi.py).

An artifact imports nothing; `axe_init` receives these pointers instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from axec.passes.codegen.llvm import PTR, VOID, Builder, Module, Type, Value
from axec.runtime.abi import HOST_API

__all__ = ["call_host", "emit_host_table", "emit_init", "host_pointer"]

_TABLE = "axe_host"


def emit_host_table(module: Module) -> None:
    """The table, empty until `axe_init`."""
    module.variable(_TABLE, PTR, len(HOST_API))


def emit_init(module: Module) -> None:
    """axe_init(host): the process gives its table."""
    b = module.function("axe_init", VOID, {"host": PTR}, "export")
    for index in range(len(HOST_API)):
        pointer = b.load(PTR, b.at(b.args[0], PTR, index))
        b.store(pointer, b.at(host_table(b), PTR, index))
    b.ret()


def host_table(b: Builder) -> Value:
    """Address of the table."""
    return b.module.address(_TABLE)


def host_pointer(b: Builder, name: str) -> Value:
    """The pointer of that name in the table."""
    slot = b.at(host_table(b), PTR, HOST_API.index(name))
    return b.load(PTR, slot, name=name)


def call_host(b: Builder, name: str, result: Type, args: Sequence[Value] = ()) -> Value:
    """Call a function of the host."""
    return b.call(host_pointer(b, name), result, args)
