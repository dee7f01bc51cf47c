"""The `axec` command in this process, and an artifact to use it on."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import Axec

from axec.cli.main import main

PROGRAM = '''
import axec as axe


@axe.entry(x=axe.spec((axe.dim("batch", 1, 16), 3), axe.float32))
def halve(x):
    """x: float32 [batch, 3] -> float32 [batch, 3]"""
    return x * 0.5


@axe.entry(x=axe.spec((4,), axe.int32), y=axe.spec((4,), axe.int32))
def both(x, y):
    """x, y: int32 [4] -> their sum and product"""
    return {"sum": x + y, "product": x * y}
'''

WRONG = """
import axec as axe


@axe.entry(x=axe.spec((2, 3), axe.float32))
def broken(x):
    return x @ x
"""


@pytest.fixture
def axec(capfd: pytest.CaptureFixture[str]) -> Axec:
    return Axec(capfd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cli")
    (made / "program.py").write_text(PROGRAM)
    (made / "wrong.py").write_text(WRONG)
    assert main(["compile", str(made / "program.py"), "-o", str(made / "p.axe")]) == 0
    return made


@pytest.fixture
def artifact(folder: Path) -> Path:
    return folder / "p.axe"
