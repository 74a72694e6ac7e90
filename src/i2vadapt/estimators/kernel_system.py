"""Linear system of a kernel classifier whose regularisation changes by a few products of vectors."""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse


class KernelSystem:
    r"""Solves :math:`((E + M + \rho L) K + \eta I) \beta = E Y` for changing M.

    E selects the labelled items, which are the first n of N, and Y holds their classes. Only M changes from one
    iteration to the next, and its rank is small: the rest is factorised once, and the Woodbury identity gives the
    exact solution at the cost of a small system.

    Args:
        kernel: kernel K (N, N).
        laplacian: Laplacian L (N, N) of the graph of the items.
        labels: classes (n,) of the first n items, 0 to C-1.
        classes: number of classes C.
        eta: weight of the classifier's norm, above 0.
        rho: weight of the smoothness on the graph, at least 0.
    """

    def __init__(
        self, kernel: np.ndarray, laplacian: sparse.csr_array, labels: np.ndarray, classes: int, eta: float, rho: float
    ) -> None:
        self._kernel = kernel
        fixed = (rho * laplacian) @ kernel
        fixed[: len(labels)] += kernel[: len(labels)]
        fixed[np.diag_indices_from(fixed)] += eta
        self._factors = linalg.lu_factor(fixed, overwrite_a=True, check_finite=False)
        wanted = np.zeros((len(kernel), classes))
        wanted[np.arange(len(labels)), labels] = 1
        self._unaligned = linalg.lu_solve(self._factors, wanted, check_finite=False)

    def solve(self, vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
        r"""Solves the system for :math:`M = \sum_r w_r e_r e_r^T`.

        Args:
            vectors: vectors e as columns (N, R).
            weights: weights w (R,), at least 0.

        Returns:
            Coefficients beta (N, C) of the items.
        """
        right = weights[:, None] * (vectors.T @ self._kernel)
        left = linalg.lu_solve(self._factors, vectors, check_finite=False)
        small = np.eye(len(weights)) + right @ left
        return np.asarray(self._unaligned - left @ linalg.solve(small, right @ self._unaligned))
