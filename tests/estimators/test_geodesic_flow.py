"""The embedding is compared with the integral along the geodesic, computed by quadrature from its definition."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from i2vadapt.estimators.geodesic_flow import geodesic_flow_map, principal_directions

RNG = np.random.default_rng(7)


def basis(features: int, directions: int) -> np.ndarray:
    return np.linalg.qr(RNG.normal(size=(features, directions)))[0]


def integrated_kernel(source: np.ndarray, target: np.ndarray, points: int = 40) -> np.ndarray:
    """Quadrature of Phi(t) Phi(t)' where Phi(t) = [P_s R] exp(t X) [I; 0], with the tangent from a matrix logarithm."""
    d = source.shape[1]
    rest = scipy.linalg.null_space(source.T)
    # Grassmann logarithm: the tangent H = Q arctan(S) Z' of (I - PP') T (P'T)^-1 = Q S Z', in the basis of the rest.
    q, s, z = np.linalg.svd(rest.T @ target @ np.linalg.inv(source.T @ target), full_matrices=False)
    tangent = (q * np.arctan(s)) @ z
    skew = np.block([[np.zeros((d, d)), -tangent.T], [tangent, np.zeros((len(tangent), len(tangent)))]])
    frame = np.hstack([source, rest])
    nodes, weights = np.polynomial.legendre.leggauss(points)
    total = np.zeros((len(source), len(source)))
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        flow = frame @ scipy.linalg.expm(node * skew)[:, :d]
        total += weight * flow @ flow.T
    return total


@pytest.mark.parametrize(("features", "directions"), [(9, 4), (30, 5), (3, 1)])
def test_inner_products_are_those_of_the_integral_along_the_geodesic(features: int, directions: int) -> None:
    source, target = basis(features, directions), basis(features, directions)
    embedding = geodesic_flow_map(source, target)
    assert embedding.shape == (features, 2 * directions)
    np.testing.assert_allclose(embedding @ embedding.T, integrated_kernel(source, target), atol=1e-10)


def test_equal_subspaces_give_the_projection_onto_them() -> None:
    source = basis(12, 3)
    turned = source @ np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    for target in (source, turned):
        embedding = geodesic_flow_map(source, target)
        np.testing.assert_allclose(embedding @ embedding.T, source @ source.T, atol=1e-12)


def test_orthogonal_subspaces_count_equally() -> None:
    both = basis(12, 6)
    embedding = geodesic_flow_map(both[:, :3], both[:, 3:])
    kernel = embedding @ embedding.T
    for part in (both[:, :3], both[:, 3:]):
        assert np.trace(part.T @ kernel @ part) == pytest.approx(3 / 2, rel=1e-12)


def test_principal_directions_are_those_of_the_singular_value_decomposition() -> None:
    rows = RNG.normal(size=(40, 9)) * np.arange(1, 10) + 5
    expected = np.linalg.svd(rows - rows.mean(axis=0))[2][:3].T
    found = principal_directions(rows, 3)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-10)
