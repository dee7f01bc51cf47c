"""`axec opt`: passes on text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command import Axec

MODULE = """func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = "axe.neg"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %1 = "axe.neg"(%x) : (tensor<2xf32>) -> tensor<2xf32>
  %2 = "axe.add"(%0, %1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}
"""


def test_opt(axec: Axec, tmp_path: Path) -> None:
    file = tmp_path / "m.mlir"
    file.write_text(MODULE)
    assert axec("opt", file).out.count("axe.neg") == 2
    done = axec("opt", file, "--pass", "cse", "--verify-each").out
    assert done.count("axe.neg") == 1
    file.write_text(done)
    assert axec("opt", file).out == done


@pytest.mark.parametrize(
    ("text", "args", "message"),
    [
        (MODULE, ("--pass", "ces"), "did you mean 'cse'?"),
        (MODULE, ("--pass", "cse{x=1}"), "error[pass-option-unknown]"),
        (MODULE, ("--pass", "cse{"), "error[pass-syntax]"),
        (MODULE.replace("neg", "nag"), (), "m.mlir:2:8"),
        (MODULE.replace("tensor<2xf32> {", "tensor<3xf32> {"), (), "m.mlir:5:3"),
        ("nonsense", (), "m.mlir:1:1"),
    ],
)
def test_opt_refuses(
    axec: Axec, tmp_path: Path, text: str, args: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "m.mlir"
    file.write_text(text)
    assert message in axec("opt", file, *args, status=2).err


def test_opt_lists_passes(axec: Axec) -> None:
    text = axec("opt", "--list").out
    for name in ("decompose", "simplify", "fuse", "outline", "schedule", "plan"):
        assert re.search(rf"^{name}\b.*\n    \S", text, re.MULTILINE)
