"""Option text, the pass table, and running a pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from support.programs import mlp

from axec.diag import AxecError
from axec.dialects import load
from axec.passes import base
from axec.passes.axe.decompose import Decompose
from axec.passes.axe.simplify import Simplify
from axec.passes.kernel.fuse import Fuse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fuse", Fuse()),
        ("fuse{}", Fuse()),
        ("fuse{max_ops=3}", Fuse(max_ops=3)),
        ("fuse{enable=map,row max_ops=3}", Fuse(max_ops=3, enable=("map", "row"))),
        (" simplify{ limit=0 } ", Simplify(limit=0)),
        ("decompose{keep=softmax}", Decompose(keep=("softmax",))),
    ],
)
def test_spec(text: str, found: base.Pass) -> None:
    assert base.parse_spec(text) == found
    assert base.parse_spec(found.spec()) == found


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("fuze", "pass-unknown", "did you mean 'fuse'?"),
        ("nothing-like-it", "pass-unknown", "there are: cse"),
        ("fuse{max_op=3}", "pass-option-unknown", "did you mean 'max_ops'?"),
        ("cse{x=1}", "pass-option-unknown", "there are: none"),
        ("fuse{max_ops=few}", "pass-option-invalid", None),
        ("fuse{max_ops}", "pass-syntax", None),
        ("fuse{max_ops=3", "pass-syntax", "write NAME{option=value ...}"),
        ("", "pass-syntax", "write NAME{option=value ...}"),
    ],
)
def test_bad_spec(text: str, code: str, hint: str | None) -> None:
    with pytest.raises(AxecError) as e:
        base.parse_spec(text)
    assert e.value.code == code
    assert (e.value.hint or "").startswith(hint or "")


def test_pipeline_text_splits_outside_braces() -> None:
    found = base.parse_pipeline("decompose{keep=softmax,gelu}, fuse{enable=map,row},cse")
    assert [p.spec() for p in found] == [
        "decompose{keep=softmax,gelu}",
        "fuse{enable=map,row}",
        "cse",
    ]


def test_every_pass_has_a_summary() -> None:
    for name, cls in base.load().items():
        assert cls.name == name
        assert cls.summary().endswith("."), name


def test_pipeline_calls_back_and_reports() -> None:
    seen: list[str] = []
    timings: list[tuple[str, float]] = []
    reports: dict[str, Any] = {}
    passes = base.parse_pipeline("decompose,simplify,fuse")
    base.run_pipeline(
        mlp("batch"),
        passes,
        verify_each=True,
        after=lambda name, module: seen.append(name),
        timings=timings,
        reports=reports,
    )
    assert seen == [name for name, _ in timings] == ["decompose", "simplify", "fuse"]
    assert dict(reports["fuse"].kernels) == {"gemm": 3}
    assert reports["fuse"].ops <= reports["fuse"].placed


def test_verifier_names_the_pass_at_fault() -> None:
    class Breaks(base.Pass):
        """Leave a value of the wrong type."""

        name = "breaks"

        def run(self, module: Any) -> None:
            block = module.body.operations[0].regions[0].blocks[0]
            dot = block.operations[0].operation
            dot.results[0].set_type(dot.operands[0].type)

    with pytest.raises(AxecError) as e:
        base.run_pipeline(mlp("4"), [Breaks()], verify_each=True)
    assert e.value.code == "ir-invalid"
    assert "after breaks: 'axe.dot_general' op result types are" in e.value.message


def test_composites_lend_their_name_to_locations() -> None:
    module = mlp("4")
    base.run_pipeline(module, [Decompose()])
    with load():
        text = module.operation.get_asm(enable_debug_info=True)
    assert 'loc("relu"(unknown))' in text or '"relu"' in text
