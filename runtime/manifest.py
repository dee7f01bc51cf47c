"""What the runtime reads from a manifest, checked before anything relies on it.

Keys that this version does not know are left alone: a newer minor version only adds keys.
"""

import re
from typing import Any

from .abi import ABI_VERSION, ALIGNMENT, DTYPES
from .errors import AxecError, need
from .program import evaluate

Manifest = dict[str, Any]
FORMAT = {"name": "axe", "major": 1, "minor": 0, "abi": ABI_VERSION}
MAX_SIZE = 1 << 46  # bytes or elements; keeps every product of checked numbers inside 64 bits
MAX_RANK, MAX_DEPTH = 16, 64  # of arrays; of pytrees

# A type, a tuple of types, [schema of every item], or {key: schema} with "*" for any name.
_ARRAY = {"name": str, "dtype": str, "shape": [(int, str)]}
_ENTRY = {  # in_tree is a dict node: argument name -> tree; arena_bytes are at the largest dims
    "inputs": [_ARRAY], "outputs": [_ARRAY], "dims": {"*": [int]},
    "in_tree": dict, "out_tree": dict, "arena_bytes": int, "program": str,
}  # fmt: skip
_PLACE = ("offset", "size", "align")
_SCHEMA = {
    "format": {"name": str, "major": int, "minor": int, "abi": int}, "entries": {"*": _ENTRY},
    "targets": [{"name": str, "arch": str, "features": [str], "code": str}], "provenance": dict,
    "segments": [{"name": str, "kind": str, "sha256": str, **dict.fromkeys(_PLACE, int)}],
    "weights": [{"name": str, "dtype": str, "shape": [int], "offset": int}],
}  # fmt: skip
_NAME = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,512}")
_DIM = re.compile(r"[A-Za-z_]\w{0,127}", re.ASCII)


def version_error(found: str) -> AxecError:
    """What a file of another format version gets."""
    own = f"format {FORMAT['major']}.x, ABI {ABI_VERSION}"
    return AxecError("artifact-version", f"the artifact is {found}; this runtime reads {own}")


def check(manifest: Any) -> Manifest:
    """The manifest itself, if the runtime can rely on it; AxecError otherwise."""
    _conform(manifest, {"format": _SCHEMA["format"]}, "manifest")
    found: Manifest = manifest
    form = found["format"]
    need(form["name"] == FORMAT["name"], "format name")
    if (form["major"], form["abi"]) != (FORMAT["major"], FORMAT["abi"]):
        raise version_error(f"format {form['major']}.{form['minor']}, ABI {form['abi']}")
    _conform(found, _SCHEMA, "manifest")
    kinds = {s["name"]: s["kind"] for s in found["segments"]}
    need(len(kinds) == len(found["segments"]), "two segments have one name")
    for target in found["targets"]:
        need(kinds.get(target["code"]) == "code", f"target {target['name']!r} has no code")
    for name, entry in found["entries"].items():
        try:
            _check_entry(entry, kinds, f"entry {name!r}")
        except ValueError as e:
            need(False, f"entry {name!r}: {e}")
    rooms = [s["size"] for s in found["segments"] if s["kind"] == "weights"]
    need(len(rooms) <= 1, "it has two weights segments")
    for tensor in found["weights"]:
        at, size = tensor["offset"], _nbytes(tensor["dtype"], tensor["shape"], "weights")
        need(at % ALIGNMENT == 0 and 0 <= at <= sum(rooms) - size, "a weight is out of bounds")
    return found


def _conform(value: Any, schema: Any, where: str) -> None:
    if isinstance(schema, list):
        need(type(value) is list, where)
        for item in value:
            _conform(item, schema[0], where)
    elif isinstance(schema, dict):
        need(type(value) is dict, where)
        for key, inner in (dict.fromkeys(value, schema["*"]) if "*" in schema else schema).items():
            need(key in value and _NAME.fullmatch(key), f"{where} has no {key!r}")
            _conform(value[key], inner, f"{where}.{key}"[:200])
    else:
        need(type(value) in (schema if isinstance(schema, tuple) else (schema,)), where)


def _check_entry(entry: dict[str, Any], kinds: dict[str, str], where: str) -> None:
    need(kinds.get(entry["program"]) == "program", f"{where} has no program segment")
    need(0 <= entry["arena_bytes"] <= MAX_SIZE, f"{where}: arena_bytes")
    for dim, ends in entry["dims"].items():
        sound = _DIM.fullmatch(dim) and len(ends) == 2 and 0 <= ends[0] <= ends[1] <= MAX_SIZE
        need(sound, f"{where}: dim {dim!r}")
        bound = any(dim in array["shape"] for array in entry["inputs"])
        need(bound, f"{where}: no input has dim {dim!r} as a size of its own")
    need(entry["outputs"] and entry["in_tree"].get("kind") == "dict", f"{where}: in_tree, outputs")
    need(_leaves(entry["in_tree"]) == len(entry["inputs"]), f"{where}: in_tree")
    need(_leaves(entry["out_tree"]) == len(entry["outputs"]), f"{where}: out_tree")
    free = {i: (array["dtype"], array["shape"]) for i, array in enumerate(entry["inputs"])}
    for array in entry["outputs"]:
        kind, at = (array["dtype"], array["shape"]), array.get("donor")
        need(at is None or (type(at) is int and free.pop(at, None) == kind), f"{where}: donor")
    lows, highs = ({dim: pair[i] for dim, pair in entry["dims"].items()} for i in (0, 1))
    for array in (*entry["inputs"], *entry["outputs"]):
        need(_NAME.fullmatch(array["name"]), f"{where}: the name of an array")
        for dims in (lows, highs):
            _nbytes(array["dtype"], [evaluate(size, dims) for size in array["shape"]], where)


def _leaves(tree: Any, depth: int = 0) -> int:
    """The number of arrays in a pytree description."""
    need(type(tree) is dict and depth < MAX_DEPTH, "a tree")
    kind, children, keys = tree.get("kind"), tree.get("children", []), tree.get("keys")
    sound = kind in ("dict", "list", "tuple") or (kind in ("leaf", "none") and not children)
    need(type(children) is list and sound, "a tree")
    if kind == "dict":
        need(type(keys) is list and all(type(k) is str for k in keys), "keys of a tree")
        need(len(set(keys)) == len(keys) == len(children), "keys of a tree")
    return 1 if kind == "leaf" else sum(_leaves(child, depth + 1) for child in children)


def _nbytes(dtype: str, shape: list[int], where: str) -> int:
    need(dtype in DTYPES and len(shape) <= MAX_RANK, f"{where}: dtype or rank")
    total = DTYPES[dtype][0]
    for size in shape:
        total *= size
        need(0 <= size <= MAX_SIZE and total <= MAX_SIZE, f"{where}: a size")
    return total
