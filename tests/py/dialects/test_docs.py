"""docs/ops.md is what the declarations say."""

from pathlib import Path

from axec.dialects.axe import OPS, docs

PAGE = Path(__file__).parents[3] / "docs" / "ops.md"


def test_the_page_is_current() -> None:
    text = PAGE.read_text()
    assert text == docs.render(), "run: python -m axec.dialects.axe.docs > docs/ops.md"


def test_every_op_is_on_it() -> None:
    headings = [line.removeprefix("### ") for line in PAGE.read_text().splitlines()]
    assert {op.name for op in OPS.values()} <= set(headings)


def test_signatures() -> None:
    found = [docs.signature(OPS[f"axe.{n}"]) for n in ("add", "constant", "gelu", "attention")]
    assert found == [
        "add(x, y)",
        "constant(value: an array)",
        "gelu(x; approximate: true or false = false)",
        "attention(q, k, v, *mask; scale: a number, causal: true or false = false)",
    ]
