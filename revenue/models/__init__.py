from revenue.models.closings import ClosedLine, MonthClose, ShareAllocation, Statement
from revenue.models.freezes import FrozenShare, ShareFreeze, ShareRelease
from revenue.models.ledger import Account, Balance, Entry, HashBlock, Journal, PeriodLock
from revenue.models.sales import AttributionSnapshot, RevenueLine, Sale, SaleFee, SaleReversal

__all__ = [
    "Account",
    "AttributionSnapshot",
    "Balance",
    "ClosedLine",
    "Entry",
    "FrozenShare",
    "HashBlock",
    "Journal",
    "MonthClose",
    "PeriodLock",
    "RevenueLine",
    "Sale",
    "SaleFee",
    "SaleReversal",
    "ShareAllocation",
    "ShareFreeze",
    "ShareRelease",
    "Statement",
]
