"""Choices of kernels: their text, where they stand, and that no choice changes a bit of results."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pytest

import axec as axe
from axec import nn
from axec.diag import AxecError
from axec.driver import compile_entries
from axec.passes.codegen.cpu import targets
from axec.passes.kernel.templates.choice import AS_MODELLED, Choice, parse
from axec.tune import Kernel, kernels_of

RNG = np.random.default_rng(0)
FILTERS = {
    shape: RNG.standard_normal(shape, np.float32)
    for shape in ((32, 32, 3, 3), (40, 3, 5, 5), (24, 40, 1, 1))
}
DTYPES = {"bf16": axe.bfloat16, "i8": axe.int8}
WEIGHT = RNG.standard_normal((500, 130), np.float32)


@axe.entry(
    x=axe.spec((37, 500)),
    y=axe.spec((500, 200)),
    z=axe.spec((2, 500, 70), axe.bfloat16),
    n=axe.spec((30, 130), axe.int8),
)
def products(x, y, z, n):
    """Packed weights, an argument, a transposed one and bytes, with epilogues."""
    narrow = axe.permute_dims(z, (0, 2, 1)) @ axe.astype(WEIGHT, axe.bfloat16)
    whole = axe.matmul(n, axe.permute_dims(n, (1, 0)), dtype=axe.int32)
    return nn.relu(x @ WEIGHT + 1.0), x @ y, narrow, whole


@axe.entry(x=axe.spec((2, 32, 17, 17)), y=axe.spec((1, 3, 21, 19)))
def convolutions(x, y):
    """Winograd's way, a large window, one position; channels last between them."""
    y = nn.relu(nn.conv2d(y, FILTERS[40, 3, 5, 5], stride=2))
    return nn.conv2d(x, FILTERS[32, 32, 3, 3], padding=1), nn.conv2d(y, FILTERS[24, 40, 1, 1])


@axe.entry(x=axe.spec((70, 3000)))
def loops(x):
    """Elementwise, and sums down columns."""
    return axe.tanh(x) * 0.5, axe.sum(x, axis=0)


def run(entry, target: str, choices: Mapping[str, str]) -> list[bytes]:
    made = compile_entries([entry], target=target, tuned=choices)
    assert made is not None
    (spec,) = made.manifest["entries"].values()
    rng = np.random.default_rng(1)
    given = []
    for array in spec["inputs"]:
        drawn = rng.standard_normal(array["shape"], np.float32)
        given.append(axe.astype(drawn * 9, DTYPES.get(array["dtype"], axe.float32)))
    result = made.load()(*map(np.asarray, given))
    return [np.asarray(x).tobytes() for x in (result if isinstance(result, tuple) else [result])]


def rounds(kernels: list[Kernel]):
    """Choices by key, so that every value of every kernel is in one of them."""
    values = [[Choice(**{a.field: v}) for a in k.axes for v in a.others] for k in kernels]
    for given in itertools.zip_longest(*values):
        yield {k.key: str(c) for k, c in zip(kernels, given, strict=True) if c is not None}


@pytest.mark.parametrize("target", ["native", "x86-64-v3"])
@pytest.mark.parametrize("entry", [products, convolutions, loops], ids=lambda e: e.fn.__name__)
def test_no_choice_changes_results(entry, target: str) -> None:
    kernels = kernels_of([entry], target)
    expected = run(entry, target, {})
    tried = list(rounds(kernels))
    assert len(tried) > 2
    for choices in tried:
        assert run(entry, target, choices) == expected, choices


def test_several_fields_together() -> None:
    kernels = kernels_of([products], "native")
    last = {k.key: {a.field: a.others[-1] for a in k.axes} for k in kernels}
    choices = {key: str(Choice(**given)) for key, given in last.items()}
    assert run(products, "native", choices) == run(products, "native", {})


def test_kernels_with_named_dims_are_left() -> None:
    entry = axe.entry(x=axe.spec((axe.dim("n", 1, 99), 500)))
    assert all(not k.axes for k in kernels_of([entry(lambda x: x @ WEIGHT)], "native"))


@pytest.mark.parametrize("text", ["", "tile=6x4", "tile=1x1,rows=96,depth=128,pack=no,block=64"])
def test_text(text: str) -> None:
    assert str(parse(text)) == text
    assert (parse(text) == AS_MODELLED) == (text == "")


@pytest.mark.parametrize(
    "text",
    ["tile=6", "tile=6x4x2", "tile=0x4", "rows=-1", "rows=", "rows=99999999999", "pack=1", "size=2",
     "rows=6,rows=7", "nonsense"],
)  # fmt: skip
def test_text_that_is_none(text: str) -> None:
    with pytest.raises(AxecError) as e:
        parse(text)
    assert e.value.code == "choice-invalid"
    assert e.value.hint


def test_tile_that_does_not_fit() -> None:
    """A file of another version, or a hand, may ask for what registers cannot hold."""
    kernels = [k for k in kernels_of([products], "x86-64-v3") if k.axes]
    with pytest.raises(AxecError) as e:
        run(products, "x86-64-v3", {kernels[0].key: "tile=6x4"})
    assert e.value.code == "choice-invalid"


def test_artifact_says_what_was_chosen() -> None:
    key = next(k.key for k in kernels_of([loops], "native") if k.template == "map")
    made = compile_entries([loops], tuned={key: "block=64"})
    again = compile_entries([loops], tuned={key: "block=64"})
    assert made is not None
    assert again is not None
    assert made.to_bytes() == again.to_bytes()
    rows = made.manifest["entries"]["loops"]["kernels"]
    assert [r.get("choice") for r in rows if r["template"] == "map"] == ["block=64"]
    assert 'choice = "block=64"' in made.emit("kernel")


def test_choices_are_for_one_target() -> None:
    both = list(targets.TARGETS)[-2:]
    key = next(k.key for k in kernels_of([loops], both[0]) if k.template == "map")
    made = compile_entries([loops], target=both, tuned={key: "block=64"})
    assert made is not None
    assert not any("choice" in r for r in made.manifest["entries"]["loops"]["kernels"])
