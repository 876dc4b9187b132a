"""Which budget a request draws on (docs/decisions/066)."""

import re
from enum import StrEnum


class Use(StrEnum):
    """Kinds of use with a limit of their own, by the names that clients read in `RateLimit`."""

    API = "api"
    RESOLVERS = "resolvers"  # files by name, clones: what downloads ask
    PAGES = "pages"
    HEAVY = "heavy"  # pages that cost a search, a diff or a walk through history
    TRANSFERS = "transfers"  # uploads, and bytes by signed links that were given out one by one


_FREE = re.compile(r"/(?:health$|robots\.txt$|sitemap|favicon\.ico$|static/|\.well-known/|webhooks/stripe$|language$)")
_TRANSFERS = re.compile(
    r"""
    /api/storage/
    | /cas/  # its tokens were given out one by one too
    | /api/validate-yaml$
    | /api/[a-z]+/[^/]+/[^/]+/(?:preupload/|commit/|xet-write-token|batch$)
    | /.*/(?:git-receive-pack|info/lfs/objects/batch)$
    """,
    re.VERBOSE,
)
_RESOLVERS = re.compile(
    r"/(?:api/[a-z]+/[^/]+/[^/]+/xet-read-token|.*/(?:resolve|raw)/|.*/(?:info/refs|git-upload-pack)$)"
)
_API = re.compile(r"/(?:api|datasets-server|oauth|v1|v2beta|models/.*/generate)(?:/|$)")
_HEAVY = re.compile(r"/(?:search$|.*/(?:commits?|tree|blob|viewer|lineage|likers)(?:/|$)|.*/discussions/\d+$)")
_LISTS = re.compile(r"/(?:models|datasets|spaces|kernels|collections)$")


def use_of(path: str, query: str = "") -> Use | None:
    """None for what is never limited."""
    if _FREE.match(path):
        return None
    if _TRANSFERS.match(path) or (path.endswith("/info/refs") and "service=git-receive-pack" in query):
        return Use.TRANSFERS
    if _RESOLVERS.match(path):
        return Use.RESOLVERS
    if _API.match(path):
        return Use.API
    if _HEAVY.match(path) or (query and _LISTS.match(path)):
        return Use.HEAVY
    return Use.PAGES
