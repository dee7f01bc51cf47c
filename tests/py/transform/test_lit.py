"""The lit files of the transformations, in this process: what their RUN lines print."""

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import parse_argv_options
from filecheck.parser import Parser

from axec.cli.opt import run_opt
from axec.diag import AxecError, render

FILES = sorted((Path(__file__).parents[2] / "lit" / "transform").glob("*.mlir"))


def printed(path: Path) -> str:
    text = path.read_text()
    specs = re.findall(r"--pass (\S+)", text.partition("\n")[0])
    if not path.stem.endswith("-invalid"):
        return run_opt(text, specs, str(path), verify_each=True)
    found, line = [], 0
    for part in text.split("// -----\n"):
        with pytest.raises(AxecError) as e:
            run_opt("\n" * line + part, specs, str(path))
        found.append(render(e.value))
        line += part.count("\n") + 1
    return "\n".join(found)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_file(path: Path) -> None:
    options = parse_argv_options(["filecheck", str(path)])
    matcher = Matcher(options, FInput("-", printed(path)), Parser.from_opts(options))
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        failed = matcher.run()
    assert not failed, output.getvalue() + printed(path)
