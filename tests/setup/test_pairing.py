"""Pairing of class names: equal names are facts, the rest are guesses, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i2vadapt.config.names import class_key
from i2vadapt.setup.pairing import BEGINNING, FORM, ORDER, pair_classes, pair_with_unlabelled
from i2vadapt.setup.words import stem, stems

WORDS = st.sampled_from(
    ["run", "running", "Run", "walk", "walks", "wave", "waving", "hands", "a", "dog", "ride", "bike"]
)
NAMES = st.sets(st.lists(WORDS, min_size=1, max_size=3).map("_".join), max_size=8)
ANY_NAMES = st.sets(st.text(min_size=1, max_size=8).filter(class_key), max_size=8)


@given(NAMES | ANY_NAMES, NAMES | ANY_NAMES)
def test_every_name_is_in_one_place(source: set[str], target: set[str]) -> None:
    found = pair_classes(source, target)
    assert sorted([*found.source, *(name for pair in found.pairs for name in pair.source)]) == sorted(source)
    assert sorted([*found.target, *(name for pair in found.pairs for name in pair.target)]) == sorted(target)
    assert all(pair.source and pair.target for pair in found.pairs)
    assert set(found.undecided) <= set(found.source)


@given(NAMES | ANY_NAMES, NAMES | ANY_NAMES)
def test_whatever_is_not_equal_is_reported_as_a_guess(source: set[str], target: set[str]) -> None:
    for pair in pair_classes(source, target).pairs:
        guessed = {guess.source for guess in pair.guesses} | {guess.target for guess in pair.guesses}
        keys = {class_key(name) for name in (*pair.source, *pair.target)}
        unmentioned = {class_key(name) for name in (*pair.source, *pair.target)} - {class_key(one) for one in guessed}
        assert len(keys) == 1 or len(unmentioned) <= 1


@given(ANY_NAMES)
def test_equal_names_are_paired_without_a_guess(names: set[str]) -> None:
    found = pair_classes(names, {name.upper() for name in names})
    assert (found.source, found.target) == ((), ())
    assert not any(pair.guesses for pair in found.pairs if len({class_key(one) for one in pair.source}) == 1)


@pytest.mark.parametrize(
    "forms",
    [
        *("run runs running", "ride rides riding", "clap claps clapping", "carry carries carrying"),
        *("kiss kisses kissing", "lie lies lying", "play plays playing", "box boxes boxing", "see sees seeing"),
        *("go going", "hug hugging"),
    ],
)
def test_the_forms_of_a_verb_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize("pair", ["sing", "swing", "bring", "string", "ring"])
def test_ing_may_belong_to_the_word(pair: str) -> None:
    assert stem(pair) == pair


def test_words_end_at_capitals_and_marks() -> None:
    assert stems("riding_a_horse") == stems("RideHorse") == stems("ride-horses") == ("rid", "hors")
    assert stems("watching_TV") == ("watch", "tv")
    assert stems("the") == ("th",)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("running", "Run", FORM),
        ("walking_the_dog", "WalkingWithDog", FORM),
        ("riding_a_horse", "HorseRiding", ORDER),
        ("waving_hands", "wave", BEGINNING),
        ("pouring_liquid", "pour", BEGINNING),
        ("climb", "climbing_stairs", BEGINNING),
    ],
)
def test_guesses_have_a_reason(source: str, target: str, reason: str) -> None:
    (pair,) = pair_classes([source], [target]).pairs
    ((guess,), name) = pair.guesses, pair.name
    assert (guess.source, guess.target, guess.reason, name) == (source, target, reason, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [("playing_guitar", "playing_violin"), ("sit", "situp"), ("push", "pushup"), ("clap", "climb")],
)
def test_other_classes_stay_apart(source: str, target: str) -> None:
    assert not pair_classes([source], [target]).pairs


def test_names_of_one_word_are_merged_and_weaker_guesses_do_not_join_stronger_ones() -> None:
    found = pair_classes(["Run", "running", "run_fast", "waving_hands", "waving_a_flag"], ["run", "wave"])
    run, wave = found.pairs
    assert (run.source, run.target, [guess.source for guess in run.guesses]) == (
        ("Run", "running"),
        ("run",),
        ["running"],
    )
    assert wave.source == ("waving_a_flag", "waving_hands")
    assert found.source == ("run_fast",)


def test_one_photograph_class_is_not_given_to_two_of_videos() -> None:
    found = pair_classes(["jumping"], ["jump_rope", "jump_high"])
    assert not found.pairs
    assert found.undecided == {"jumping": ("jump_high", "jump_rope")}


def test_spellings_of_one_name_go_together() -> None:
    (pair,) = pair_with_unlabelled(["Walk Dog", "walk_dog"]).pairs
    assert (pair.source, pair.target) == (("Walk Dog", "walk_dog"), ("Walk Dog",))


def test_a_class_can_be_named_on_a_command_line() -> None:
    (pair,) = pair_classes(["-run"], ["-run"]).pairs
    assert pair.name == "run"
    (pair,) = pair_classes(["run"], ["-run"]).pairs
    assert pair.name == "run"
