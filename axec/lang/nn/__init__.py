"""Neural networks: layers, losses and initialisers. Names and defaults are torch's; parameters and
state are arguments.

Functions: activations, normalisations, `linear`, `conv2d`, `embedding`, ..., and losses. Modules
(`Linear`, `Sequential`, ...) describe layers and models over them. `init` has initialisers.
"""

from axec.lang.arrays.contract import avg_pool as avg_pool
from axec.lang.arrays.contract import conv as conv
from axec.lang.arrays.contract import max_pool as max_pool
from axec.lang.arrays.elementwise import sigmoid as sigmoid
from axec.lang.arrays.elementwise import tanh as tanh
from axec.lang.nn import init as init
from axec.lang.nn.functional.activation import *
from axec.lang.nn.functional.attention import *
from axec.lang.nn.functional.dropout import *
from axec.lang.nn.functional.layers import *
from axec.lang.nn.functional.loss import *
from axec.lang.nn.functional.norm import *
from axec.lang.nn.modules.activation import *
from axec.lang.nn.modules.dropout import *
from axec.lang.nn.modules.layers import *
from axec.lang.nn.modules.module import *
from axec.lang.nn.modules.norm import *
from axec.lang.nn.modules.recurrent import *
from axec.lang.nn.modules.transformer import *
