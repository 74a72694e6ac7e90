from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from i2vadapt.adaptation.memory_bank import FlowMemoryBank
from i2vadapt.adaptation.retrieval import retrieve, similarities, similarities_with_bank
from i2vadapt.config.recipes.video import BankSettings, Strategy
from i2vadapt.errors import UserError

HELD = 7
SIMILARITY = np.array([0.2, 0.9, -0.1, 0.9, 0.4, 0.5, 0.3, 0, 0], np.float32)
NEAREST = [1, 3, 5, 4, 6]  # equal ones are ordered by confidence


@pytest.fixture
def bank() -> FlowMemoryBank:
    """A bank that holds the items 10..16 for class 0, most confident first, and none for class 1."""
    bank = FlowMemoryBank(2, 9)
    bank.rebuild(np.arange(10, 10 + HELD), np.stack([1 - np.arange(HELD) / 10, np.zeros(HELD)], 1))
    return bank


def retrieved(
    bank: FlowMemoryBank, strategy: Strategy, count: int = 1, similarity: np.ndarray = SIMILARITY
) -> list[tuple[list[int], list[float]]]:
    rng = np.random.default_rng(0)
    found = [retrieve(bank, strategy, rng, 0, similarity) for _ in range(count)]
    return [(flow.items.tolist(), flow.weights.tolist()) for flow in found if flow is not None]


@pytest.mark.parametrize(
    ("strategy", "places", "weights"),
    [
        ("mean", range(HELD), [1 / 7] * 7),
        ("simw_sum", [1, 3, 5, 4, 6, 0, 2], np.array([0.9, 0.9, 0.5, 0.4, 0.3, 0.2, 0]) / 3.2),
        ("simw_mean_top5", NEAREST, [1 / 5] * 5),
        ("simw_sum_top5", NEAREST, np.array([0.9, 0.9, 0.5, 0.4, 0.3]) / 3.0),
        ("simw_top1", [1], [1.0]),
    ],
)
def test_each_strategy_retrieves_its_items_and_weights(
    bank: FlowMemoryBank, strategy: Strategy, places: list[int], weights: list[float]
) -> None:
    ((items, found),) = retrieved(bank, strategy)
    assert items == [10 + place for place in places]
    assert found == pytest.approx(list(weights), rel=1e-6)


@pytest.mark.parametrize(("strategy", "places"), [("random", range(HELD)), ("simw_random_top5", NEAREST)])
def test_one_item_is_drawn_uniformly(bank: FlowMemoryBank, strategy: Strategy, places: list[int]) -> None:
    drawn = retrieved(bank, strategy, 3000)
    assert all(weights == [1.0] for _, weights in drawn)
    numbers, counts = np.unique([items for items, _ in drawn], return_counts=True)
    assert numbers.tolist() == sorted(10 + place for place in places)
    assert (abs(counts - 3000 / len(places)) < 120).all()


def test_an_empty_class_retrieves_nothing_and_draws_the_same_random_numbers(bank: FlowMemoryBank) -> None:
    generators = [np.random.default_rng(5) for _ in range(3)]
    assert retrieve(bank, "random", generators[0], 0, SIMILARITY) is not None
    assert retrieve(bank, "random", generators[1], 1, SIMILARITY) is None
    assert retrieve(bank, "simw_sum", generators[2], 0, SIMILARITY) is not None
    assert len({rng.random() for rng in generators}) == 1


def test_similarity_is_the_cosine_with_the_items_held_for_the_class() -> None:
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(3, 6)), rng.normal(size=(5, 6))
    bank = FlowMemoryBank(2, 3)
    bank.rebuild(range(5), np.array([[0.6, 0], [0, 0.7], [0.9, 0], [0, 0.8], [0.7, 0]]))
    found = similarities_with_bank(bank, source, np.array([1, 0, 1]), target)
    for row, items in enumerate([[3, 1], [2, 4, 0], [3, 1]]):
        cosines = [
            target[i] @ source[row] / np.sqrt((target[i] ** 2).sum()) / np.sqrt((source[row] ** 2).sum()) for i in items
        ]
        assert found[row, : len(items)].tolist() == pytest.approx(cosines, rel=1e-6)
        assert not found[row, len(items) :].any()


def test_weights_sum_to_one_even_if_no_item_is_similar(bank: FlowMemoryBank) -> None:
    flow = retrieve(bank, "simw_sum_top5", np.random.default_rng(0), 0, np.full(9, -0.5, np.float32))
    assert flow is not None
    assert flow.weights.tolist() == [0.2] * 5


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_weights_of_every_strategy_sum_to_one_and_only_blending_ones_retrieve_several(
    bank: FlowMemoryBank, strategy: Strategy
) -> None:
    settings = BankSettings(strategy=strategy)
    for items, weights in retrieved(bank, strategy, 20):
        assert sum(weights) == pytest.approx(1)
        assert min(weights) >= 0
        assert len(set(items)) == len(items)
        assert (len(items) > 1) == settings.blends


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_similarity_matters_to_the_strategies_that_compare_features(bank: FlowMemoryBank, strategy: Strategy) -> None:
    found = retrieved(bank, strategy, 20)
    reversed_order = retrieved(bank, strategy, 20, -SIMILARITY)
    assert (found != reversed_order) == BankSettings(strategy=strategy).compares_features


def test_zero_features_have_no_similarity() -> None:
    """Features are stored as float16, whose squares would overflow at 256."""
    source, target = np.array([[0, 0], [300, 400]], np.float16), np.array([[30000, 40000], [4, -3]], np.float16)
    found = similarities(source, target)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 0], [pytest.approx(1, abs=1e-4), pytest.approx(0, abs=1e-4)]]


def test_errors(bank: FlowMemoryBank) -> None:
    with pytest.raises(UserError, match=r"bank.strategy is 'max'; allowed: random, mean, simw_sum, "):
        retrieve(bank, "max", np.random.default_rng(0), 0, SIMILARITY)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"labels must lie in 0..1, got 2"):
        retrieve(bank, "random", np.random.default_rng(0), 2, SIMILARITY)
