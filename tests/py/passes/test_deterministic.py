"""One program, one text: in one process and in others, whatever the hash seed is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.programs import mlp, transformer
from support.random_programs import sample

from axec.dialects import load
from axec.passes import base

PIPELINE = "decompose,simplify,fuse,outline,schedule,plan"


def digest() -> str:
    """A hash over the final text of several programs."""
    found = hashlib.sha256()
    modules = [mlp("batch"), transformer(2), transformer(2, batch="batch", seq="seq")]
    for module in (*modules, *(sample(seed, 30).module for seed in range(20))):
        base.run_pipeline(module, base.parse_pipeline(PIPELINE))
        with load():
            found.update(module.operation.get_asm(enable_debug_info=True).encode())
    return found.hexdigest()


def test_same_text_twice() -> None:
    assert digest() == digest()


@pytest.mark.parametrize("seed", ["0", "12345"])
def test_same_text_in_other_processes(seed: str) -> None:
    here = Path(__file__)
    code = f"import sys; sys.path[:0] = [{str(here.parents[1])!r}, {str(here.parent)!r}]\n"
    code += "from test_deterministic import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == digest()
