"""The DSL: what `import axec as axe` offers to write programs with. A module of functions for users
lists them in its `__all__`."""

from types import ModuleType as _ModuleType

# First: the class and the modules of its methods need each other.
from axec.lang.arrays.tensor import *

# isort: split
from axec.lang import nn as nn
from axec.lang import optim as optim
from axec.lang import testing as testing
from axec.lang import tree as tree
from axec.lang.arrays import linalg as linalg
from axec.lang.arrays import random as random
from axec.lang.arrays.aliases import *
from axec.lang.arrays.arrange import *
from axec.lang.arrays.contract import *
from axec.lang.arrays.create import *
from axec.lang.arrays.data_dependent import *
from axec.lang.arrays.einsum import *
from axec.lang.arrays.elementwise import *
from axec.lang.arrays.formulas import *
from axec.lang.arrays.images import *
from axec.lang.arrays.indexing import *
from axec.lang.arrays.namespace import *
from axec.lang.arrays.reduce import *
from axec.lang.arrays.sequence import *
from axec.lang.arrays.update import *
from axec.lang.control.branches import *
from axec.lang.control.scan import *
from axec.lang.entry import *
from axec.lang.errors import AxecError as AxecError
from axec.lang.nn import gelu as gelu
from axec.lang.nn import layer_norm as layer_norm
from axec.lang.nn import log_softmax as log_softmax
from axec.lang.nn import relu as relu
from axec.lang.nn import rms_norm as rms_norm
from axec.lang.nn import scaled_dot_product_attention as scaled_dot_product_attention
from axec.lang.nn import silu as silu
from axec.lang.nn import softmax as softmax
from axec.lang.sizes import *
from axec.lang.spec import *
from axec.lang.transform.amp import *
from axec.lang.transform.custom import *
from axec.lang.transform.derivatives import *
from axec.lang.transform.jacobian import *
from axec.lang.transform.vmap import *

_MODULES = ("linalg", "nn", "optim", "random", "testing", "tree")

#: Every public name, sorted.
NAMES = sorted(
    {"__array_namespace_info__", *_MODULES}
    | {k for k, v in globals().items() if k[0] != "_" and not isinstance(v, _ModuleType)}
)
