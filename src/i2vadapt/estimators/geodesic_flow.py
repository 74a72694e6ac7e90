"""Embedding whose inner products are the geodesic flow kernel (Gong et al. 2012) between two domains."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA


def principal_directions(rows: np.ndarray, count: int) -> np.ndarray:
    """First principal directions of centred rows.

    Args:
        rows: features (n, F).
        count: number of directions d, at most n and F.

    Returns:
        Orthonormal columns (F, d).
    """
    # Exact and, unlike the automatic choice of the solver, without random numbers.
    pca = PCA(count, svd_solver="covariance_eigh").fit(rows)
    return np.asarray(pca.components_.T)


def geodesic_flow_map(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    r"""Linear map to 2d dimensions in which inner products are those of the geodesic flow kernel.

    With the geodesic :math:`\Phi(t)` between the subspaces of the domains, the kernel is :math:`x^T G y`,
    :math:`G = \int_0^1 \Phi(t) \Phi(t)^T dt`. Its rank is at most 2d, so that the F x F matrix G and its root are not
    needed. With the principal angles from :math:`P_s^T P_t = U \cos(\theta) V^T`,

    .. math:: A = P_s U, \quad B = (P_t V - A \cos\theta) / \sin\theta, \quad
        \Phi(t) = A \cos(t \theta) + B \sin(t \theta),

    and the integral has a closed form that couples only the two columns of the same angle:

    .. math:: \lambda_1 = \tfrac{1}{2} + \tfrac{\sin 2\theta}{4\theta}, \quad
        \lambda_2 = \tfrac{1 - \cos 2\theta}{4\theta}, \quad \lambda_3 = \tfrac{1}{2} - \tfrac{\sin 2\theta}{4\theta}

    Args:
        source: orthonormal basis (F, d) of the source's subspace.
        target: orthonormal basis (F, d) of the target's subspace, 2d <= F.

    Returns:
        Matrix (F, 2d) by which rows are multiplied on the right.
    """
    left, cosines, right = np.linalg.svd(source.T @ target)
    start = source @ left
    across = target @ right.T - start * cosines
    sines = np.linalg.norm(across, axis=0)  # more exact for small angles than a root of 1 - cos^2
    across /= np.where(sines > 0, sines, 1.0)
    angles = np.arctan2(sines, cosines)

    first = (1 + np.sinc(2 * angles / np.pi)) / 2  # NumPy's sinc(x) is sin(pi x) / (pi x), 1 at 0
    mixed = sines * np.sinc(angles / np.pi) / 2
    last = (1 - np.sinc(2 * angles / np.pi)) / 2
    blocks = np.stack([np.stack([first, mixed], axis=1), np.stack([mixed, last], axis=1)], axis=1)  # (d, 2, 2)
    values, vectors = np.linalg.eigh(blocks)
    roots = vectors * np.sqrt(values.clip(min=0))[:, None]  # root @ root.T is the block
    columns = np.stack([start, across], axis=2)  # (F, d, 2)
    return np.einsum("fdi,dij->fdj", columns, roots).reshape(len(source), -1)
