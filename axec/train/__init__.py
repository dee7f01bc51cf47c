"""Training runs: `fit`, data, checkpoints, logs. `import axec as axe; axe.train.fit(...)`.

A process that trains from an artifact needs numpy, `axec/runtime` and this folder; what reaches for
the compiler (an @axe.entry as the step, the search for the op that made a NaN, `axec train`) loads
it then.
"""

from typing import TYPE_CHECKING, Any

from axec.train.callbacks import Callback, EarlyStopping, Evaluate, Progress
from axec.train.checkpoints import Checkpoints, best, latest, list_checkpoints, load, save
from axec.train.data import Arrays, Data, Stream, as_data
from axec.train.logs import Csv, JsonLines, TensorBoard
from axec.train.loop import Run, fit
from axec.train.transfer import Transfer, transfer

if TYPE_CHECKING:
    from axec.train.supervised import Supervised

__all__ = [
    "Arrays",
    "Callback",
    "Checkpoints",
    "Csv",
    "Data",
    "EarlyStopping",
    "Evaluate",
    "JsonLines",
    "Progress",
    "Run",
    "Stream",
    "Supervised",
    "TensorBoard",
    "Transfer",
    "as_data",
    "best",
    "fit",
    "latest",
    "list_checkpoints",
    "load",
    "save",
    "transfer",
]


def __getattr__(name: str) -> Any:
    if name != "Supervised":  # the one part that is made with the compiler
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    from axec.train.supervised import Supervised

    globals()[name] = Supervised
    return Supervised
