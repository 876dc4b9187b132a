"""Where an import comes from, as people paste it."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,249}")
_KINDS = {"datasets": "dataset", "models": "model"}


@dataclass(frozen=True)
class SourceAddress:
    """A repository of another hub. `endpoint` is scheme and server; `revision` is empty when none was named."""

    endpoint: str
    kind: str
    name: str
    revision: str = ""


def parse_source(text: str, *, endpoint: str, kind: str) -> SourceAddress | None:
    """The repository that an address of a page or an id names, None for anything else.

    Of an id (`owner/name`, `datasets/owner/name`) the server and kind are those given.
    """
    text = text.strip()
    if "://" in text:
        try:
            parts = urlsplit(text)
        except ValueError:
            return None
        if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
            return None
        endpoint, kind, text = f"{parts.scheme}://{parts.netloc.lower()}", "model", unquote(parts.path)
    segments = [segment for segment in text.strip("/").split("/") if segment]
    if segments and segments[0] in _KINDS:
        kind, segments = _KINDS[segments[0]], segments[1:]
    elif segments and segments[0] in {"spaces", "kernels", "buckets", "collections"}:
        return None
    revision = ""
    if len(segments) > 3 and segments[2] in {"tree", "blob", "resolve", "commit"}:
        revision, segments = segments[3], segments[:2]
    name = "/".join(segments)
    if not _NAME.fullmatch(name) or not is_revision(revision or "main"):
        return None
    return SourceAddress(endpoint, kind, name, revision)


def is_revision(text: str) -> bool:
    """Whether this can name a branch, tag or commit."""
    return _REVISION.fullmatch(text) is not None and ".." not in text
