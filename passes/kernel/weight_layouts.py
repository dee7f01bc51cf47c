"""How the bytes of a weight may lie in the artifact other than row by row: in the order in which
the kernel that reads it does so. The attribute `axe.layout` of a weight holds a layout's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

PANEL = 64  # columns


class Layout(Protocol):
    """`str` is the text form."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that is stored."""
        ...

    def apply(self, weight: Array) -> Array:
        """The weight as stored."""
        ...


@dataclass(frozen=True, slots=True)
class Panels:
    """A k x n matrix, which the weight holds row by row or column by column (`transposed`), as
    [panels, k / group, PANEL, group]: PANEL columns at a time, the last panel padded with zeros; of
    every column `group` neighbours in k side by side, the last group padded with zeros."""

    k: int
    n: int
    transposed: bool
    group: int = 1

    def __str__(self) -> str:
        by = f" by {self.group}" if self.group > 1 else ""
        return f"panels {self.k}x{self.n}{by}" + (" transposed" if self.transposed else "")

    @property
    def shape(self) -> tuple[int, ...]:
        found = (-(-self.n // PANEL), -(-self.k // self.group), PANEL)
        return (*found, self.group) if self.group > 1 else found

    def apply(self, weight: Array) -> Array:
        matrix = weight.reshape((self.n, self.k) if self.transposed else (self.k, self.n))
        panels, steps = self.shape[:2]
        padded = np.zeros((steps * self.group, panels * PANEL), weight.dtype)
        padded[: self.k, : self.n] = matrix.T if self.transposed else matrix
        split = padded.reshape(steps, self.group, panels, PANEL).transpose(2, 0, 3, 1)
        return np.ascontiguousarray(split).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Taps:
    """The filters of a convolution [outputs, channels, window...] as [window, outputs, channels]:
    all channels of one position in the window."""

    outputs: int
    channels: int
    window: int

    def __str__(self) -> str:
        return f"taps {self.outputs}x{self.channels}x{self.window}"

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.window, self.outputs, self.channels)

    def apply(self, weight: Array) -> Array:
        filters = weight.reshape(self.outputs, self.channels, self.window)
        return np.ascontiguousarray(filters.transpose(2, 0, 1))


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a convolution [groups * outputs, channels, window...] as [groups, panels,
    window, channels, width]: `width` outputs of a group at a time, the last panel padded with
    zeros."""

    groups: int
    outputs: int
    channels: int
    window: int
    width: int

    def __str__(self) -> str:
        sizes = self.groups, self.outputs, self.channels, self.window
        return f"filters {'x'.join(map(str, sizes))} by {self.width}"

    @property
    def shape(self) -> tuple[int, ...]:
        panels = -(-self.outputs // self.width)
        return (self.groups, panels, self.window, self.channels, self.width)

    def apply(self, weight: Array) -> Array:
        filters = weight.reshape(self.groups, self.outputs, self.channels, self.window)
        found = np.zeros(self.shape, weight.dtype)
        for panel in range(self.shape[1]):  # one at a time, so that it stays in the cache
            part = filters[:, panel * self.width :][:, : self.width]
            found[:, panel, ..., : part.shape[1]] = part.transpose(0, 3, 2, 1)
        return found


@dataclass(frozen=True, slots=True)
class Winograd:
    """3x3 filters w [outputs, channels, 3, 3], transformed (G w Gt, winograd.py), as [panels, 16,
    channels, width]: `width` outputs at a time, the last panel padded with zeros."""

    outputs: int
    channels: int
    width: int

    def __str__(self) -> str:
        return f"winograd {self.outputs}x{self.channels} by {self.width}"

    @property
    def shape(self) -> tuple[int, ...]:
        return (-(-self.outputs // self.width), 16, self.channels, self.width)

    def apply(self, weight: Array) -> Array:
        found = np.zeros(self.shape, weight.dtype)
        for panel, room in enumerate(found):  # of one at a time, so that it stays in the cache
            filters = weight[panel * self.width :][: self.width].transpose(2, 3, 1, 0)
            rows = _transformed(filters.astype(np.float64, order="C"))
            both = _transformed(rows.swapaxes(0, 1)).swapaxes(0, 1)
            room[..., : filters.shape[-1]] = both.reshape(room.shape[:-1] + filters.shape[-1:])
        return found


def _transformed(w: Array) -> Array:
    """G w along the first axis, of size 3."""
    outer = w[0] + w[2]
    return np.stack([w[0], (outer + w[1]) * 0.5, (outer - w[1]) * 0.5, w[2]])


_PANELS = re.compile(r"panels (\d+)x(\d+)(?: by (\d+))?( transposed)?")
_TAPS = re.compile(r"taps (\d+)x(\d+)x(\d+)")
_WINOGRAD = re.compile(r"winograd (\d+)x(\d+) by (\d+)")
_FILTERS = re.compile(r"filters (\d+)x(\d+)x(\d+)x(\d+) by (\d+)")


def parse(text: str) -> Layout:
    """Read the text form of a layout; ValueError for any other."""
    if found := _PANELS.fullmatch(text):
        return Panels(int(found[1]), int(found[2]), found[4] is not None, int(found[3] or 1))
    if found := _TAPS.fullmatch(text):
        return Taps(*map(int, found.groups()))
    if found := _FILTERS.fullmatch(text):
        return Filters(*map(int, found.groups()))
    if found := _WINOGRAD.fullmatch(text):
        return Winograd(*map(int, found.groups()))
    raise ValueError(f"not a layout of a weight: {text!r}")
