"""Words with a fixed set of values, by subject. The value is what is stored, and mostly the protocol's word."""

from hub.enums.access import ACCESS_MOVES, AccessState, AccessVerb, GateMode, OverduePolicy
from hub.enums.collections import Theme
from hub.enums.credits import DISPUTE_MOVES, CreditRole, CreditState, DisputeState, DisputeVerb, Matter, names_of
from hub.enums.dataset_views import VIEW_MOVES, ViewState
from hub.enums.discussions import DISCUSSION_MOVES, DiscussionState, EventKind
from hub.enums.imports import IMPORT_MOVES, ImportNote, ImportReason, ImportSchedule, ImportState, RefChange
from hub.enums.lineage import EVIDENCE_MOVES, UNPAID_EVIDENCE, EdgeKind, Evidence
from hub.enums.notices import NoticeKind
from hub.enums.opt_outs import OPT_OUT_MOVES, MatchKind, OptOutState
from hub.enums.reports import REPORT_MOVES, ReportKind, ReportState
from hub.enums.repositories import DownloadKind, RepositoryKind, Visibility
from hub.enums.scanning import SCAN_LEVELS, SCAN_ORDER, ScanReason, ScanStatus
from hub.enums.storage import SWEEP_MOVES, BucketChangeKind, SweepState, SweptKind
from hub.enums.webhooks import DELIVERY_MOVES, DeliveryState, Domain, WatchedKind

__all__ = [
    "ACCESS_MOVES",
    "DELIVERY_MOVES",
    "DISCUSSION_MOVES",
    "DISPUTE_MOVES",
    "EVIDENCE_MOVES",
    "IMPORT_MOVES",
    "OPT_OUT_MOVES",
    "REPORT_MOVES",
    "SCAN_LEVELS",
    "SCAN_ORDER",
    "SWEEP_MOVES",
    "UNPAID_EVIDENCE",
    "VIEW_MOVES",
    "AccessState",
    "AccessVerb",
    "BucketChangeKind",
    "CreditRole",
    "CreditState",
    "DeliveryState",
    "DiscussionState",
    "DisputeState",
    "DisputeVerb",
    "Domain",
    "DownloadKind",
    "EdgeKind",
    "EventKind",
    "Evidence",
    "GateMode",
    "ImportNote",
    "ImportReason",
    "ImportSchedule",
    "ImportState",
    "MatchKind",
    "Matter",
    "NoticeKind",
    "OptOutState",
    "OverduePolicy",
    "RefChange",
    "ReportKind",
    "ReportState",
    "RepositoryKind",
    "ScanReason",
    "ScanStatus",
    "SweepState",
    "SweptKind",
    "Theme",
    "ViewState",
    "Visibility",
    "WatchedKind",
    "names_of",
]
