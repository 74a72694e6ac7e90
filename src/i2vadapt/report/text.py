"""Names and numbers as people read them."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "±": r"$\pm$",
    "–": "--",
}
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_MARKDOWN = re.compile(r"[\\|<*`]")


def shown(text: str) -> str:
    """A name that can be printed anywhere.

    The replacement character stands for bytes that are not UTF-8, and for control characters but tab and newline.
    """
    return _CONTROLS.sub("\ufffd", text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def duration(seconds: float) -> str:
    """Seconds as '4.2 s', '42 s', '3 min 20 s' or '5 h 02 min'."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(amount: int) -> str:
    """Bytes as '4.06 GB', '12.3 MB' or '3.0 kB', in units of 1000."""
    value, unit = next((amount / scale, unit) for scale, unit in _UNITS if amount >= scale or unit == "kB")
    return f"{value:.{2 if unit == 'GB' else 1}f} {unit}"


def percent(share: float, digits: int = 1) -> str:
    """A share as percentage, without the sign."""
    return f"{100 * share:.{digits}f}"


def plural(count: int, noun: str) -> str:
    """'1 video', '3 videos'."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def escape_markdown(text: str) -> str:
    """Text that a Markdown table shows as it stands."""
    return _MARKDOWN.sub(r"\\\g<0>", text)


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it stands; around ± it sets the space itself."""
    return "".join(_LATEX.get(letter, letter) for letter in text.replace(" ± ", "±"))
