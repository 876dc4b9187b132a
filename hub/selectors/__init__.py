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
    head_commit,
    read_text,
    revision_of,
    split_revision,
    with_xet,
)

__all__ = [
    "File",
    "Revision",
    "branch_head",
    "committed_objects",
    "entries_at",
    "entries_named",
    "entry_at",
    "files_at",
    "head_commit",
    "held_objects",
    "missing_content",
    "read_text",
    "readable_by_xet",
    "readable_object",
    "repositories_visible_to",
    "repository_for",
    "repository_named",
    "revision_of",
    "split_revision",
    "with_xet",
]
