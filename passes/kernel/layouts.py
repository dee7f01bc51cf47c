"""How the bytes of a weight may lie in the artifact other than row by row.

A matrix [k, n] (or its transpose) as panels: PANEL columns at a time, k rows of them one after the
other, the last panel padded with zeros. Tiles of a product read it from the first byte to the last.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PANEL = 64  # columns
_TEXT = re.compile(r"panels (\d+)x(\d+)( transposed)?")


@dataclass(frozen=True, slots=True)
class Panels:
    """Of a k x n matrix, which the weight holds row by row or column by column (`transposed`). The
    attribute `axe.layout` of a weight holds its text."""

    k: int
    n: int
    transposed: bool

    def __str__(self) -> str:
        return f"panels {self.k}x{self.n}" + (" transposed" if self.transposed else "")

    @staticmethod
    def parse(text: str) -> Panels:
        """Read the text form; ValueError for any other."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"not a layout of a weight: {text!r}")
        return Panels(int(found[1]), int(found[2]), found[3] is not None)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[panels, k, PANEL], as stored."""
        return (-(-self.n // PANEL), self.k, PANEL)

    def apply(self, weight: Array) -> Array:
        """The weight as stored."""
        matrix = weight.reshape((self.n, self.k) if self.transposed else (self.k, self.n))
        panels = self.shape[0]
        padded = np.zeros((self.k, panels * PANEL), weight.dtype)
        padded[:, : self.n] = matrix.T if self.transposed else matrix
        return np.ascontiguousarray(padded.reshape(self.k, panels, PANEL).transpose(1, 0, 2))
