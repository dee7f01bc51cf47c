"""The file of `axec train`: TOML, read into dataclasses whose fields are its schema.

Every complaint has the file and the line, the key, and what was most likely meant.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axec.diag import AxecError, Location
from axec.lang.errors import did_you_mean

Options = dict[str, Any]  # names and values that the chosen function takes, checked with it


@dataclass(frozen=True, slots=True)
class Model:
    """`source`: "FILE.py:NAME", a module or a function that gives one, called with `options`."""

    source: str
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Data:
    """`source`: "FILE.py:NAME", a function that gives {"train": (x, y), "test": (x, y)}, called
    with `options`; or "FILE.npz" with x, y and perhaps x_test, y_test."""

    source: str
    batch: int
    shuffle: bool = True
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loss:
    """`name` of a loss of axe.nn, and its options."""

    name: str = "cross_entropy"
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Optim:
    """`name` of an optimiser of axe.optim, its learning rate `lr`, and its options."""

    name: str = "adamw"
    lr: float = 1e-3
    clip: float | None = None  # the largest global norm of the gradients
    accumulate: int = 1
    freeze: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`name` of a schedule of axe.optim.schedules that starts (or peaks) at `lr`, and its options;
    `steps` are those of the whole run unless they are given."""

    name: str = "constant"
    warm_up: int = 0
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Train:
    """How long, what is watched, and what is written."""

    epochs: int
    seed: int = 0
    precision: str = "float32"  # of products: also "bfloat16", or "float16" with a scaled loss
    every: int | None = None  # steps per checkpoint, beside one per epoch
    keep: int = 3
    monitor: str | None = None  # the metric of the best checkpoint and of `patience`
    mode: str = "min"
    patience: int | None = None
    log: tuple[str, ...] = ("csv",)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole file. Where a table has `options`, keys that it does not know go there."""

    model: Model
    data: Data
    train: Train
    loss: Loss = Loss()
    optim: Optim = Optim()
    schedule: Schedule = Schedule()
    source: Source = field(default_factory=lambda: Source(Path("config"), ""), compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a config comes from, for what is said about it; paths in it start at `folder`."""

    path: Path
    text: str
    given: Mapping[str, Any] = field(default_factory=dict)  # dotted key -> value of --set

    @property
    def folder(self) -> Path:
        return self.path.resolve().parent

    def error(self, code: str, message: str, key: str = "", hint: str | None = None) -> AxecError:
        """An error at the line of a dotted key, or of the table that lacks it."""
        if key in self.given:
            return AxecError(code, f"--set {key}: {message}", hint=hint)
        where = Location(str(self.path), *_place(self.text, key))
        return AxecError(code, message, location=where, hint=hint)


def keys_of(table: str) -> list[str]:
    """The keys of a table that are not options of what it names."""
    (kind,) = (f.type for f in dataclasses.fields(Config) if f.name == table)
    cls = globals()[str(kind)]
    return [f.name for f in dataclasses.fields(cls) if f.name != "options"]


def read(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check a file; `overrides` are "optim.lr=1e-3". AxecError `config-file`,
    `config-key`, `config-value`."""
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "it is no text"
        raise AxecError("config-file", f"cannot read {path}: {reason}") from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(e))
        where = Location(str(path), *map(int, found.groups())) if found else None
        message = f"{path} is no TOML: {str(e).split(' (at')[0]}"
        raise AxecError("config-file", message, location=where) from None
    given = dict(_override(text) for text in overrides)
    return config(tables, Source(Path(path), text, given))


def config(tables: dict[str, Any], source: Source) -> Config:
    """A config from the tables of a file, with what `--set` gave."""
    for key, value in source.given.items():
        *path, last = key.split(".")
        inner = tables
        for name in path:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise source.error("config-key", f"`{name}` is no table", key)
        inner[last] = value
    found: Config = _fill(Config, tables, source, "", skip=("source",))
    return dataclasses.replace(found, source=source)


def _override(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        hint = "write --set TABLE.KEY=VALUE, as in --set optim.lr=1e-3"
        raise AxecError("config-key", f"--set {text} has no key and value", hint=hint)
    try:
        return key.strip(), tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()  # a word without quotes, as shells leave them


def _fill(cls: Any, table: Any, source: Source, prefix: str, skip: Iterable[str] = ()) -> Any:
    """A dataclass from a table."""
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.name not in skip}
    values: dict[str, Any] = {}
    extra = dict(table.get("options", {})) if "options" in fields else {}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if name == "options" and "options" in fields:
            continue
        if name in fields:
            values[name] = _value(hints[name], value, source, key)
        elif "options" in fields:
            extra[name] = value
        else:
            hint = did_you_mean(name, fields)
            raise source.error("config-key", f"there is no key `{key}`", key, hint)
    missing = dataclasses.MISSING
    for name, f in fields.items():
        if name not in values and f.default is missing and f.default_factory is missing:
            what = "table" if dataclasses.is_dataclass(hints[name]) else "key"
            message = f"the {what} `{prefix}{name}` is missing"
            raise source.error("config-key", message, prefix.rstrip("."))
    return cls(**values, **({"options": extra} if extra else {}))


def _value(kind: Any, value: Any, source: Source, key: str) -> Any:
    """A value as the field's type; ints serve as floats, arrays as tuples."""
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise source.error("config-value", f"`{key}` is a table", key, f"write [{key}]")
        return _fill(kind, value, source, f"{key}.")
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if float in kinds and type(value) is int:
        value = float(value)
    if tuple[str, ...] in kinds and isinstance(value, list):
        kinds, value = (tuple,), tuple(value)
        if not all(isinstance(v, str) for v in value):
            raise source.error("config-value", f"`{key}` is a list of strings", key)
    if type(value) not in kinds:
        words = " or ".join(_WORDS.get(k, "") for k in kinds if k in _WORDS)
        raise source.error("config-value", f"`{key}` is {words}, not {value!r}", key)
    return value


_WORDS = {
    int: "an integer",
    float: "a number",
    str: "a string",
    bool: "true or false",
    tuple[str, ...]: "a list of strings",
}


def _place(text: str, key: str) -> tuple[int, int, int]:
    """Line and columns of a dotted key, of the nearest table above it, or of the beginning."""
    table, best = "", (0, (1, 1, 0))
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[\s*([\w.\s-]+?)\s*\]", line)
        entry = re.match(r"\s*([\w.-]+)\s*=", line)
        if header:
            table = header[1]
            here, (start, end) = table, header.span(1)
        elif entry:
            here = f"{table}.{entry[1]}" if table else entry[1]
            start, end = entry.span(1)
        else:
            continue
        fits = key == here or (bool(header) and key.startswith(f"{here}."))
        if fits and len(here) > best[0]:
            best = len(here), (number, start + 1, end + 1)
    return best[1]


# ---- in a run's folder ---------------------------------------------------------------------------

KEPT = "config.json"


def keep(found: Config, folder: Path) -> None:
    """Write a config, as it was after `--set`, into a run's folder."""
    from axec.container import replace_file

    tables = {k: v for k, v in dataclasses.asdict(found).items() if k != "source"}
    kept = {"path": str(found.source.path.resolve()), "tables": _without_none(tables)}
    replace_file(folder / KEPT, [json.dumps(kept, indent=2).encode() + b"\n"])


def kept(folder: str | Path, overrides: Sequence[str] = ()) -> Config:
    """The config of a run's folder. AxecError `config-file` where it has none."""
    path = Path(folder) / KEPT
    try:
        found = json.loads(path.read_text())
        tables, source = found["tables"], found["path"]
    except (OSError, ValueError, KeyError, TypeError):
        hint = "give the folder that `axec train` printed"
        raise AxecError("config-file", f"{folder} is no run's folder", hint=hint) from None
    given = dict(_override(text) for text in overrides)
    return config(tables, Source(Path(source), "", given))


def _without_none(tables: Any) -> Any:
    if isinstance(tables, dict):
        return {k: _without_none(v) for k, v in tables.items() if v is not None}
    return tables
