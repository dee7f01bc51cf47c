"""Template `attention`: softmax(scale * q k^T + mask) v and its derivative, block by block.

A block of queries (or of keys: `keys.py`) lies turned around, [D][block], so that vectors run along
its members; the other side passes by row by row and is read where it lies. Scores are then
[row][block] tiles that never leave the caches: peaks, sums and factors of the softmax are vectors,
one lane per member, and nothing is summed across lanes. All products are of one form,

    out[i][block] += sum over k of left[i, k] * right[k][block]

with left in place: rows of k against q, columns of v against probabilities.

    setting.py   what is computed once per call; from units to blocks
    tiles.py     products, turning blocks around and back
    scores.py    what a mask makes of scores
    forward.py   results and their log-sum-exp          (arXiv 2205.14135, algorithm 1)
    few.py       the same for few queries: bound by reading k and v once
    queries.py   the cotangent of q                     (arXiv 2307.08691, algorithm 2)
    keys.py      the cotangents of k and v

Every number of a result is computed by one unit in one order: any number of threads gives the same
bits, and nothing is added up across units.
"""

from axec.passes.codegen.cpu.attention.emit import emit

__all__ = ["emit"]
