"""What stands on a card, for whoever shows it, takes examples from it, or must know what it said at some time."""

from hub.algorithms import cards, rendering
from hub.models import Repository
from hub.selectors.reports import blocks_of
from hub.selectors.revisions import Revision, entries_named, head_commit, read_text, revision_of


def licence_at(repository: Repository, commit: str) -> str:
    """The licence id on the card of this commit, in small letters; empty when none is named."""
    if commit == head_commit(repository):
        return repository.license
    text = read_text(revision_of(repository, commit), cards.FILE, limit=rendering.MAX_LENGTH)
    return cards.parse(text or "").license


def card_text(revision: Revision) -> str:
    """What stands below its metadata; "" where a report took it away."""
    file = next(iter(entries_named(revision, [cards.FILE])), None)
    if file is None or blocks_of(revision.repository, [file.etag]):
        return ""
    _block, text = cards.split(read_text(revision, cards.FILE, limit=rendering.MAX_LENGTH) or "")
    return text
