from hub.models.buckets import Bucket, BucketChange, BucketFile, BucketObject
from hub.models.discussions import CommentEdit, Discussion, DiscussionEvent, OfferedObject
from hub.models.downloads import Download
from hub.models.index import Branch, Commit, TreeEntry
from hub.models.objects import LargeObject, RepositoryObject
from hub.models.repositories import OldName, Repository
from hub.models.storage import DeletedObject, ReleasedObject, StorageLimit, Sweep, SweptItem
from hub.models.versions import Credit, LineageEdge, Version

__all__ = [
    "Branch",
    "Bucket",
    "BucketChange",
    "BucketFile",
    "BucketObject",
    "CommentEdit",
    "Commit",
    "Credit",
    "DeletedObject",
    "Discussion",
    "DiscussionEvent",
    "Download",
    "LargeObject",
    "LineageEdge",
    "OfferedObject",
    "OldName",
    "ReleasedObject",
    "Repository",
    "RepositoryObject",
    "StorageLimit",
    "Sweep",
    "SweptItem",
    "TreeEntry",
    "Version",
]
