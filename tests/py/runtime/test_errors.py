"""AxecError: what it prints, and that it survives the way between processes."""

from __future__ import annotations

import pickle

from axec.runtime.errors import AxecError


def test_text() -> None:
    error = AxecError("input-shape", "two shapes", location="model.py:3:1", hint="transpose it")
    assert str(error) == ("error[input-shape]: two shapes\n  --> model.py:3:1\nhint: transpose it")
    assert str(AxecError("made-up", "no hint")) == "error[made-up]: no hint"


def test_codes_bring_their_hint() -> None:
    assert AxecError("artifact-corrupt", "x").hint == "copy or compile the artifact again"
    assert AxecError("artifact-corrupt", "x", hint="y").hint == "y"


def test_pickle() -> None:
    error = AxecError("input-dtype", "message", location=("file", 3), hint="do that")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is AxecError
    assert (again.code, again.message, again.location, again.hint) == (
        "input-dtype", "message", ("file", 3), "do that",
    )  # fmt: skip
    assert str(again) == str(error)
