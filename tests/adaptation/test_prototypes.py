from __future__ import annotations

import numpy as np
import pytest

from i2vadapt.adaptation.prototypes import class_prototypes, nearest_prototypes

RNG = np.random.default_rng(6)


def test_a_prototype_is_the_mean_of_the_unit_features_of_its_class() -> None:
    features, classes = RNG.normal(size=(8, 3)).astype(np.float32), np.array([0, 2, 2, 0, 2, -1, 2, 0])
    found = class_prototypes(features, classes, 4)
    assert found.shape == (4, 3)
    for label in (0, 2):
        rows = [row / np.sqrt((row.astype(float) ** 2).sum()) for row in features[classes == label]]
        np.testing.assert_allclose(found[label], np.mean(rows, axis=0), rtol=1e-12)
    assert np.isnan(found[[1, 3]]).all()


def test_long_features_count_no_more_than_short_ones() -> None:
    features, classes = np.array([[1000.0, 0], [0, 0.001]]), np.array([0, 0])
    np.testing.assert_allclose(class_prototypes(features, classes, 1), [[0.5, 0.5]], rtol=1e-12)
    assert class_prototypes(np.zeros((1, 2)), classes[:1], 1).tolist() == [[0, 0]]


def test_the_label_of_a_video_is_the_prototype_with_the_largest_product() -> None:
    features, prototypes = RNG.normal(size=(50, 5)), RNG.normal(size=(4, 5))
    expected = [max(range(4), key=lambda label: float(row @ prototypes[label])) for row in features]
    assert nearest_prototypes(features, prototypes).tolist() == expected


def test_a_class_without_items_is_never_assigned() -> None:
    prototypes = class_prototypes(np.array([[1.0, 0], [0, 1]]), np.array([1, 3]), 5)
    found = nearest_prototypes(np.array([[-3.0, -2], [1, 0], [-1, 9], [1, 1]]), prototypes)
    assert found.tolist() == [3, 1, 3, 1]
    with pytest.raises(ValueError, match="no class has a prototype"):
        nearest_prototypes(np.ones((1, 2)), class_prototypes(np.ones((1, 2)), np.array([-1]), 3))


def test_source_and_target_pull_the_prototypes_together_into_right_labels() -> None:
    """Videos lie off the photographs of their class; predictions that are mostly right move the prototypes to them."""
    centres, shift = np.eye(3) * 4, np.array([3.0, 0, 0])
    labels = RNG.integers(0, 3, 300)
    videos = centres[labels] + shift + RNG.normal(size=(300, 3)) * 0.3
    photographs = centres[labels] + RNG.normal(size=(300, 3)) * 0.3
    predicted = np.where(RNG.random(300) < 0.9, labels, RNG.integers(0, 3, 300))

    def accuracy(features: np.ndarray, classes: np.ndarray) -> float:
        return float((nearest_prototypes(videos, class_prototypes(features, classes, 3)) == labels).mean())

    both = accuracy(np.concatenate([photographs, videos]), np.concatenate([labels, predicted]))
    assert both >= accuracy(photographs, labels)
    assert both > (predicted == labels).mean()
