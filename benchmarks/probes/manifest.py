"""The manifest of an artifact."""

import json
import sys

from axec.runtime.format import Container

print(json.dumps(Container(sys.argv[1]).manifest))
