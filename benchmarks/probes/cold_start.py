"""Seconds from nothing to the first result, over those of `import numpy`."""

import json
import sys
import time

start = time.perf_counter()
import numpy as np  # noqa: E402

numpy_done = time.perf_counter()
x = np.zeros((1, 64), np.float32)
begin = time.perf_counter()
import axec.runtime  # noqa: E402

imported = time.perf_counter()
program = axec.runtime.load(sys.argv[1])
loaded = time.perf_counter()
program(x)
done = time.perf_counter()

print(
    json.dumps(
        {
            "numpy": numpy_done - start,
            "import": imported - begin,
            "load": loaded - imported,
            "call": done - loaded,
            "total": done - begin,
        }
    )
)
