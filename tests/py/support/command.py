"""Runs `axec` command lines in this process."""

from __future__ import annotations

import pytest

from axec.cli.main import main


class Output:
    """What one command line gave."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Axec:
    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *args: object, status: int = 0) -> Output:
        self._capfd.readouterr()
        found = main([str(a) for a in args])
        out, err = self._capfd.readouterr()
        assert found == status, err
        assert "Traceback" not in err
        return Output(found, out, err)
