from hub.models.access import AccessEvent, AccessRequest, Gate, Terms
from hub.models.buckets import Bucket, BucketChange, BucketFile, BucketObject
from hub.models.bulk import BulkGrant, BulkUsage
from hub.models.collections import Collection, CollectionItem
from hub.models.credits import CreditCorrection, CreditSeal, Dispute, DisputeEvent, Mention, Sponsor
from hub.models.dataset_views import DatasetSplit, DatasetView
from hub.models.discussions import Attachment, CommentEdit, Discussion, DiscussionEvent, OfferedObject
from hub.models.downloads import Download
from hub.models.imports import Import, ImportRun
from hub.models.index import Branch, Commit, TreeEntry
from hub.models.objects import LargeObject, RepositoryObject
from hub.models.opt_outs import OptOut, OptOutEvent, OptOutMatch
from hub.models.reports import Block, Report, ReportEvent, Tombstone
from hub.models.repositories import OldName, Repository
from hub.models.safety import Notice, ScanResult
from hub.models.search import SearchDocument, UsedTag
from hub.models.social import Follow, Like
from hub.models.storage import DeletedObject, ReleasedObject, StorageLimit, Sweep, SweptItem
from hub.models.versions import Credit, LineageEdge, Version
from hub.models.webhooks import WatchedName, Webhook, WebhookDelivery

__all__ = [
    "AccessEvent",
    "AccessRequest",
    "Attachment",
    "Block",
    "Branch",
    "Bucket",
    "BucketChange",
    "BucketFile",
    "BucketObject",
    "BulkGrant",
    "BulkUsage",
    "Collection",
    "CollectionItem",
    "CommentEdit",
    "Commit",
    "Credit",
    "CreditCorrection",
    "CreditSeal",
    "DatasetSplit",
    "DatasetView",
    "DeletedObject",
    "Discussion",
    "DiscussionEvent",
    "Dispute",
    "DisputeEvent",
    "Download",
    "Follow",
    "Gate",
    "Import",
    "ImportRun",
    "LargeObject",
    "Like",
    "LineageEdge",
    "Mention",
    "Notice",
    "OfferedObject",
    "OldName",
    "OptOut",
    "OptOutEvent",
    "OptOutMatch",
    "ReleasedObject",
    "Report",
    "ReportEvent",
    "Repository",
    "RepositoryObject",
    "ScanResult",
    "SearchDocument",
    "Sponsor",
    "StorageLimit",
    "Sweep",
    "SweptItem",
    "Terms",
    "Tombstone",
    "TreeEntry",
    "UsedTag",
    "Version",
    "WatchedName",
    "Webhook",
    "WebhookDelivery",
]
