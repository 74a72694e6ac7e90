"""The words of a class name, reduced to what their forms have in common."""

from __future__ import annotations

import re
import unicodedata

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN = re.compile(r"[\W_]+")
_FILLERS = frozenset({"a", "an", "and", "at", "in", "of", "on", "the", "to", "with"})
_VOWELS = "aeiouy"


def stems(name: str) -> tuple[str, ...]:
    """Stems of the words of a class name in order, without articles and prepositions unless there is nothing else.

    Words end at spaces, underscores, other marks, and before capital letters inside: `riding_a_horse` and `RideHorse`
    both give (rid, hors).
    """
    text = _CAMEL.sub(" ", unicodedata.normalize("NFKC", name)).casefold()
    words = [word for word in _BETWEEN.split(text) if word]
    return tuple(stem(word) for word in words if word not in _FILLERS) or tuple(map(stem, words))


def stem(word: str) -> str:
    """What is the same in `run`, `runs` and `running`, in `ride` and `riding`, in `carry`, `carries` and `carrying`.

    Args:
        word: an English word in small letters; others are rarely changed, and always in the same way.
    """
    if len(word) > 4 and word.endswith("ing") and any(letter in _VOWELS for letter in word[:-3]):
        word = word[:-3]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 2 and word.endswith("e"):
        word = word[:-1]
    if word.endswith("y"):
        word = f"{word[:-1]}i"
    if len(word) > 2 and word[-1] == word[-2] and word[-1] not in _VOWELS:
        word = word[:-1]
    return word
