"""What changed between two texts, word by word."""

import re
from difflib import SequenceMatcher

KEPT, GONE, NEW = "kept", "gone", "new"


def changed_words(before: str, after: str) -> list[tuple[str, str]]:
    """Pieces in reading order, each with what became of it. Signs of Chinese count as words of their own."""
    old, new = _words(before), _words(after)
    pieces: list[tuple[str, str]] = []
    for tag, i, j, k, m in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append((KEPT, "".join(old[i:j])))
            continue
        pieces.extend((what, text) for what, text in [(GONE, "".join(old[i:j])), (NEW, "".join(new[k:m]))] if text)
    return pieces


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[\u2e80-\u9fff\uf900-\ufaff]|[^\s\u2e80-\u9fff\uf900-\ufaff]+", text)
