"""Graph of similar items, and the smoothness of scores on it."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def graph_laplacian(similarity: np.ndarray, neighbours: int) -> sparse.csr_array:
    r"""Normalised Laplacian :math:`L = I - D^{-1/2} W D^{-1/2}` of the graph of nearest neighbours.

    The weight of an edge is the cosine, or 0 if that is negative. An item is joined to itself with weight 1, so that
    no degree is 0.

    Args:
        similarity: cosines (N, N) of the items.
        neighbours: number of nearest neighbours to which an item is joined besides itself; all of fewer items.

    Returns:
        Sparse symmetric matrix (N, N).
    """
    count = len(similarity)
    kept = min(neighbours, count - 1)
    indices = np.empty((count, kept), np.int64)
    for row, cosines in enumerate(similarity):  # row by row, since a copy of the matrix can take gigabytes
        others = -cosines
        others[row] = np.inf
        indices[row] = np.argpartition(others, kept - 1)[:kept] if kept else indices[row]
    weights = np.take_along_axis(similarity, indices, axis=1).clip(min=0)
    places = (np.repeat(np.arange(count), kept), indices.ravel())
    directed = sparse.csr_array((weights.ravel(), places), shape=(count, count))
    edges = directed.maximum(directed.T) + sparse.eye_array(count)
    scale = sparse.diags_array(1 / np.sqrt(edges.sum(axis=1)))
    return sparse.csr_array(sparse.eye_array(count) - scale @ edges @ scale)
