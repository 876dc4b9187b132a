"""The text of a card, for whoever shows it or takes examples from it."""

from hub.algorithms import cards, rendering
from hub.selectors.reports import blocks_of
from hub.selectors.revisions import Revision, entries_named, read_text


def card_text(revision: Revision) -> str:
    """What stands below its metadata; "" where a report took it away."""
    file = next(iter(entries_named(revision, [cards.FILE])), None)
    if file is None or blocks_of(revision.repository, [file.etag]):
        return ""
    _block, text = cards.split(read_text(revision, cards.FILE, limit=rendering.MAX_LENGTH) or "")
    return text
