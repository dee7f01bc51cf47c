"""Compile IR from the builder, link it, load it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest

from axec.passes.codegen.cpu import targets, worker
from axec.passes.codegen.cpu.elf import linker
from axec.passes.codegen.llvm import Module

Load = Callable[..., ctypes.CDLL]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """load(module, ...): a ctypes library with the exports of the modules, for this machine."""

    def load(*modules: Module) -> ctypes.CDLL:
        objects = worker.compile_modules(modules, targets.resolve("native"))
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.so"
        path.write_bytes(linker.link(objects))
        return ctypes.CDLL(str(path))

    return load


class Raw(Module):
    """A module from text, for what the builder does not make."""

    def __init__(self, text: str) -> None:
        super().__init__("raw")
        self._text = text

    def text(self, only: str | None = None) -> str:
        return self._text


@pytest.fixture
def raw() -> Callable[[str], Module]:
    """raw(text): a module of that text."""
    return Raw
