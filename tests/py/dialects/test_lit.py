"""The lit files of the axe dialect, in this process: what `axec opt` prints for them."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options
from filecheck.parser import Parser

from axec.diag import AxecError, render
from axec.passes import base

FILES = sorted((Path(__file__).parents[2] / "lit" / "axe").glob("*.mlir"))


def _printed(path: Path) -> str:
    """The module, printed, parsed and printed again; or the error of every part of the file."""
    if not path.stem.endswith("-invalid"):
        return str(base.parse(str(base.parse(path.read_text()))))
    found, line = [], 0
    for part in path.read_text().split("// -----\n"):
        with pytest.raises(AxecError) as e:
            base.parse("\n" * line + part, str(path))
        found.append(render(e.value))
        line += part.count("\n") + 1
    return "\n".join(found)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_file(path: Path) -> None:
    options = parse_argv_options(["filecheck", str(path)])
    matcher = Matcher(options, FInput("-", _printed(path)), Parser.from_opts(options))
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        failed = matcher.run()
    assert not failed, output.getvalue()


def test_every_family_has_two_files() -> None:
    from axec.dialects.axe import FAMILIES

    families = {f.__name__.rpartition(".")[2] for f in FAMILIES}
    assert {p.stem for p in FILES} == families | {f"{f}-invalid" for f in families}
