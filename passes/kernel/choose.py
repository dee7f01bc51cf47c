"""Give kernels the choices (templates/choice.py) found for them, and what depends on these.

kernel.define @gemm_0 {template = "gemm", units = "16", workspace = []}
->
kernel.define @gemm_0 {choice = "rows=48", template = "gemm", units = "22", workspace = []}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from axec.diag import AxecError
from axec.dialects.kernel import definitions, sizes_attr
from axec.mlir import ir
from axec.passes.base import Pass, register
from axec.passes.kernel import templates
from axec.passes.kernel.templates.choice import Choice, parse
from axec.passes.kernel.templates.gemm import Gemm


@register
@dataclass(frozen=True)
class Choose(Pass):
    """Decide what else the cost model does of one kernel: choose{kernel=NAME choice=tile=6x4,...}.

    No part of the pipeline: for looking at one choice. `axec tune` finds and keeps them."""

    name = "choose"
    kernel: str = ""
    choice: str = ""

    def run(self, module: Any) -> None:
        kernels = definitions(module)
        if self.kernel not in kernels:
            known = ", ".join(kernels)
            raise AxecError("option-invalid", f"no kernel {self.kernel!r}", hint=f"one of: {known}")
        give(kernels[self.kernel], parse(self.choice))


def give_all(module: Any, choices: Mapping[str, str]) -> None:
    """Give every kernel of a module the choice that stands under its `key`."""
    for kernel in definitions(module).values() if choices else ():
        if text := choices.get(key(kernel)):
            give(kernel, parse(text))


def key(kernel: Any) -> str:
    """What a choice is kept under: a hash of all that a kernel is, but for its name."""
    text = kernel.get_asm(print_generic_op_form=True, assume_verified=True)
    name = kernel.attributes["sym_name"]
    return hashlib.sha256(text.replace(f"sym_name = {name}", "", 1).encode()).hexdigest()


def fields(kernel: Any) -> tuple[str, ...]:
    """What may be chosen of a kernel: names of fields of `Choice`."""
    template, shared = templates.template_of(kernel), "cut" in kernel.attributes
    if template == "gemm":
        if isinstance(templates.product(kernel), Gemm):
            return ("tile", "rows", "depth", "pack")
        return ("tile",) if shared else ("tile", "rows")
    if template == "reduce" and not isinstance(templates.reduce_walk(kernel), templates.Loop):
        return ()
    return ("block",) if template in ("map", "reduce") and not shared else ()


def give(kernel: Any, choice: Choice) -> None:
    """Set the attribute of a kernel.define. AxecError `choice-invalid` for what cannot be chosen of
    such kernels."""
    wrong = [name for name in choice.fields if name not in fields(kernel)]
    if wrong:
        known = ", ".join(fields(kernel)) or "nothing"
        name = kernel.attributes["sym_name"].value
        hint = f"what can be chosen of it: {known}"
        raise AxecError("choice-invalid", f"{wrong[0]} cannot be chosen of {name}", hint=hint)
    found = kernel.attributes
    found["choice"] = ir.StringAttr.get(str(choice))
    found["units"] = ir.StringAttr.get(str(templates.units(kernel)))
    found["workspace"] = sizes_attr(templates.workspace(kernel))
