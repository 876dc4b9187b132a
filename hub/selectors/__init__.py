from hub.selectors.access import contents_open_to, has_contents, require_contents
from hub.selectors.cards import card_text
from hub.selectors.objects import committed_objects, held_objects, missing_content, readable_by_xet, readable_object
from hub.selectors.repositories import repositories_visible_to, repository_for, repository_named
from hub.selectors.revisions import (
    File,
    Revision,
    branch_head,
    entries_at,
    entries_named,
    entry_at,
    files_at,
    files_ending,
    head_commit,
    holding,
    read_text,
    revision_of,
    split_revision,
    with_xet,
)

__all__ = [
    "File",
    "Revision",
    "branch_head",
    "card_text",
    "committed_objects",
    "contents_open_to",
    "entries_at",
    "entries_named",
    "entry_at",
    "files_at",
    "files_ending",
    "has_contents",
    "head_commit",
    "held_objects",
    "holding",
    "missing_content",
    "read_text",
    "readable_by_xet",
    "readable_object",
    "repositories_visible_to",
    "repository_for",
    "repository_named",
    "require_contents",
    "revision_of",
    "split_revision",
    "with_xet",
]
