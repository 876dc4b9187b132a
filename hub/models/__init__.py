from hub.models.access import AccessEvent, AccessRequest, Gate, Terms
from hub.models.buckets import Bucket, BucketChange, BucketFile, BucketObject
from hub.models.discussions import CommentEdit, Discussion, DiscussionEvent, OfferedObject
from hub.models.downloads import Download
from hub.models.index import Branch, Commit, TreeEntry
from hub.models.objects import LargeObject, RepositoryObject
from hub.models.repositories import OldName, Repository
from hub.models.versions import Credit, LineageEdge, Version

__all__ = [
    "AccessEvent",
    "AccessRequest",
    "Branch",
    "Bucket",
    "BucketChange",
    "BucketFile",
    "BucketObject",
    "CommentEdit",
    "Commit",
    "Credit",
    "Discussion",
    "DiscussionEvent",
    "Download",
    "Gate",
    "LargeObject",
    "LineageEdge",
    "OfferedObject",
    "OldName",
    "Repository",
    "RepositoryObject",
    "Terms",
    "TreeEntry",
    "Version",
]
