"""The cache of compiled programs on disk. The key is the hash of all that the stages depend on; the
numbers of the weights are in neither key nor value, because no stage looks at them: weights that
are made from others are kept as recipes (axec/weights.py).

A cached program is a line of JSON (entries, weights, recipes, names and sizes of what follows),
then the program tables and the images. Finding one saves every stage between `trace` and `pack`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple

from axec.lang.tracing import Traced
from axec.pack import Packed
from axec.passes.codegen import sources
from axec.passes.codegen.cache import open_cache
from axec.passes.codegen.cpu.targets import Target
from axec.weights import Stored

_BLOBS = ("tables", "code")


def key_of(
    source: bytes,
    traced: Sequence[Traced],
    passes: Sequence[str],
    wanted: Sequence[Target],
    choices: Mapping[str, str],
) -> bytes:
    """The hash of all that the stages depend on. `source`: the traced program's bytes; `choices`:
    all that kernels may be given, by key."""
    ids: dict[int, int] = {}  # arrays that several weights share are stored once
    entries = [
        (
            [one.name, one.in_tree, one.out_tree, one.inputs, one.outputs],
            sorted((name, list(ends)) for name, ends in one.dims.items()),
            [(name, ids.setdefault(id(a), len(ids))) for name, a in one.weights.items()],
        )
        for one in traced
    ]
    compiler = sources.fingerprint(sources.PROGRAMS)
    program = hashlib.sha256(source).hexdigest()
    made_from = [compiler, entries, list(passes), [t.name for t in wanted], program]
    made_from.append(sorted(choices.items()))
    return hashlib.sha256(json.dumps(made_from).encode()).digest()


def get(key: bytes) -> Packed | None:
    """The program that was put under this key, if it is still there."""
    data = open_cache().get(key)
    if data is None:
        return None
    head, _, rest = data.partition(b"\n")
    found = json.loads(head)
    blobs: dict[str, dict[str, bytes]] = {kind: {} for kind in _BLOBS}
    at = 0
    for kind, name, size in found["blobs"]:
        blobs[kind][name] = rest[at : at + size]
        at += size
    weights = {
        entry: {name: Stored(*fields) for name, fields in rows.items()}
        for entry, rows in found["weights"].items()
    }
    return Packed(found["entries"], weights, found["recipes"], **blobs)


def put(key: bytes, packed: Packed) -> None:
    """Keep a program."""
    blobs = [(k, name, data) for k in _BLOBS for name, data in getattr(packed, k).items()]
    sizes = [(kind, name, len(data)) for kind, name, data in blobs]
    weights = {
        entry: {name: astuple(stored) for name, stored in rows.items()}
        for entry, rows in packed.weights.items()
    }
    head: Mapping[str, object] = {
        "entries": packed.entries, "weights": weights, "recipes": packed.recipes, "blobs": sizes,
    }  # fmt: skip
    data = b"".join([json.dumps(head).encode(), b"\n", *(data for _, _, data in blobs)])
    open_cache().put(key, data)
