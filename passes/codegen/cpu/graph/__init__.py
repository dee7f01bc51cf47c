"""A kernel's body as a graph of values, and the instructions that compute it.

    body.py         the MLIR body as plain Python objects
    evaluate.py     the value of a tensor at an index, as a node of the graph (nodes.py);
                    rearrange.py does that for ops that move elements
    space.py        which axes are walked as one
    emission.py     nodes become instructions, each in the outermost loop in which it can be;
                    pointwise.py has a row per op

Every template asks for the values that it needs, where it needs them (decision 0006).
"""
