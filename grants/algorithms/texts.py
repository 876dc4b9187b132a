"""How long a text is to somebody who looks at it."""

import unicodedata

# Letters and signs that are drawn as nothing: fillers of Hangul, the empty pattern of Braille.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})


def visible(text: str) -> str:
    """The text without what cannot be seen, and with each run of white space as one space."""
    kept = (" " if character.isspace() or character in _BLANK else character for character in text)
    return " ".join("".join(character for character in kept if not _is_invisible(character)).split())


def visible_characters(text: str) -> int:
    return len(visible(text))


def _is_invisible(character: str) -> bool:
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    return is_selector or unicodedata.category(character) in _INVISIBLE
