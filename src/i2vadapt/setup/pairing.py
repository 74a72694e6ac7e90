"""Which classes of the photographs are classes of the videos, by their names.

Names that are equal by the rules of a benchmark file (`class_key`) are one class. Whatever goes beyond that is a guess,
and is reported as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from i2vadapt.config.names import check_argument, class_key
from i2vadapt.setup.words import stems

Names = tuple[str, ...]

FORM = "another form of the same words"
ORDER = "the same words in another order"
BEGINNING = "one name begins with the other"


@dataclass(frozen=True)
class Guess:
    """Two names that are taken for one class although they are not equal, and why."""

    source: str
    target: str
    reason: str


@dataclass(frozen=True)
class Pair:
    """A class that both sides have.

    Attributes:
        source: its names among the photographs.
        target: its names among the videos.
        guesses: what of this is guessed.
    """

    source: Names
    target: Names
    guesses: tuple[Guess, ...] = ()

    @property
    def name(self) -> str:
        """Name of the class in the benchmark: the first one that may stand on a command line, of the videos' names."""
        for name in (*self.target, *self.source):
            try:
                return check_argument(name)
            except ValueError:
                continue
        return self.target[0].lstrip("-") or "class"


@dataclass(frozen=True)
class Pairing:
    """The classes of two datasets.

    Attributes:
        pairs: classes that both have, in the order of the photographs' names.
        source: names of classes that only the photographs have.
        target: names of classes that only the videos have.
        undecided: for names of photographs' classes that could be several of the videos, these.
    """

    pairs: tuple[Pair, ...]
    source: Names = ()
    target: Names = ()
    undecided: dict[str, Names] = field(default_factory=dict)


def pair_classes(source: Iterable[str], target: Iterable[str]) -> Pairing:
    """Pairs the classes of two datasets.

    In this order: names that are equal, names of the same words in other forms, and names of which one begins with the
    other. A weaker rule sees only names that the stronger ones have left, but names of the same words join a class that
    has been found.

    Args:
        source: names of the photographs' classes.
        target: names of the videos' classes; names that differ in nothing that counts are spellings of one class.
    """
    sources, targets = _spellings(source), _spellings(target)
    pairs = [Pair(sources.pop(key), targets.pop(key)) for key in list(sources) if key in targets]
    left, right = list(sources.values()), list(targets.values())
    pairs = _pair_same_words(pairs, left, right)
    undecided = _pair_beginnings(pairs, left, right)
    rest = [tuple(name for names in side for name in names) for side in (left, right)]
    return Pairing(tuple(sorted(pairs, key=lambda pair: pair.source)), rest[0], rest[1], undecided)


def pair_with_unlabelled(source: Iterable[str]) -> Pairing:
    """Classes of photographs whose videos have no labels."""
    return Pairing(tuple(Pair(names, names[:1]) for names in _spellings(source).values()))


def _spellings(names: Iterable[str]) -> dict[str, Names]:
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        found[class_key(name)].append(name)
    return {key: tuple(spellings) for key, spellings in found.items()}


def _pair_same_words(pairs: Sequence[Pair], left: list[Names], right: list[Names]) -> list[Pair]:
    """Joins names of the same words to the pair that has them already, or to a new one, and removes them from both."""
    result = list(pairs)
    words: dict[Names, list[int]] = defaultdict(list)
    for number, pair in enumerate(pairs):
        for key in {_unordered(pair.source), _unordered(pair.target)}:
            words[key].append(number)
    for key in dict.fromkeys(map(_unordered, (*left, *right))):
        mine = [names for names in left if _unordered(names) == key]
        theirs = [names for names in right if _unordered(names) == key]
        place = words[key]
        if len(place) > 1 or not (place or (mine and theirs)):
            continue
        old = result[place[0]] if place else Pair((), ())
        joined = Pair(
            old.source + tuple(name for names in mine for name in names),
            old.target + tuple(name for names in theirs for name in names),
        )
        guesses = tuple(_guesses(joined, old))
        pair = Pair(joined.source, joined.target, guesses)
        if place:
            result[place[0]] = pair
        else:
            result.append(pair)
        left[:] = [names for names in left if names not in mine]
        right[:] = [names for names in right if names not in theirs]
    return result


def _guesses(joined: Pair, old: Pair) -> Iterable[Guess]:
    """One guess for each name that joins: with the first name on the other side."""
    first = joined.source[0]
    for name in joined.source:
        if name not in old.source:
            yield Guess(name, joined.target[0], _same_words(name, joined.target[0]))
    for name in joined.target if old.target else joined.target[1:]:
        if name not in old.target:
            yield Guess(first, name, _same_words(first, name))


def _same_words(name: str, other: str) -> str:
    return FORM if stems(name) == stems(other) else ORDER


def _pair_beginnings(pairs: list[Pair], left: list[Names], right: list[Names]) -> dict[str, Names]:
    """Pairs names of which one begins with the words of the other; those of several photographs' classes are merged.

    Returns:
        Names of photographs' classes that begin several names of the videos' classes, with these.
    """
    undecided: dict[str, Names] = {}
    chosen: dict[Names, list[Names]] = defaultdict(list)
    for names in left:
        own = stems(names[0])
        candidates = [other for other in right if _begins(own, stems(other[0]))]
        longest = max((_common(own, stems(other[0])) for other in candidates), default=0)
        candidates = [other for other in candidates if _common(own, stems(other[0])) == longest]
        if len(candidates) == 1:
            chosen[candidates[0]].append(names)
        elif candidates:
            undecided[names[0]] = tuple(other[0] for other in candidates)
    for theirs, mine in chosen.items():
        guesses = tuple(Guess(names[0], theirs[0], BEGINNING) for names in mine)
        pairs.append(Pair(tuple(name for names in mine for name in names), theirs, guesses))
    taken = [names for mine in chosen.values() for names in mine]
    left[:] = [names for names in left if names not in taken]
    right[:] = [names for names in right if names not in chosen]
    return undecided


def _begins(own: Names, other: Names) -> bool:
    return _common(own, other) > 0 and own != other


def _common(own: Names, other: Names) -> int:
    """Number of words of the shorter name, if the longer one begins with them; else 0."""
    shorter = min(len(own), len(other))
    return shorter if own[:shorter] == other[:shorter] else 0


def _unordered(names: Names) -> Names:
    return tuple(sorted(stems(names[0])))
