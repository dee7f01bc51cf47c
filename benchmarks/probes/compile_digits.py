"""Seconds that axec takes to compile the digits sample, imports and weights apart."""

import json
import time

from axec.driver import compile_entries
from axec.lang.entry import find_entries


def once() -> float:
    entries = find_entries("samples/digits.py", "predict")
    start = time.perf_counter()
    compile_entries(entries, target="native")
    return time.perf_counter() - start


print(json.dumps({"first": once(), "again": once()}))
