from django.contrib import admin

from common.admin import ReadOnlyAdmin
from revenue.models import Account, HashBlock, Journal, MonthClose, RevenueLine, Sale, SaleReversal, Statement


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ["code", "currency", "kind", "guarded"]
    list_filter = ["name", "currency"]
    search_fields = ["code"]


@admin.register(Journal)
class JournalAdmin(ReadOnlyAdmin):
    list_display = ["key", "kind", "effective", "legs", "posted_by"]
    list_filter = ["kind"]
    search_fields = ["key"]


@admin.register(Sale)
class SaleAdmin(ReadOnlyAdmin):
    list_display = ["reference", "kind", "customer", "currency", "gross", "tax", "fee", "at"]
    list_filter = ["kind", "currency"]
    list_select_related = ["customer"]
    search_fields = ["reference"]


@admin.register(SaleReversal)
class SaleReversalAdmin(ReadOnlyAdmin):
    list_display = ["key", "sale", "amount", "reason", "at"]
    list_select_related = ["sale"]
    search_fields = ["key", "sale__reference"]


@admin.register(RevenueLine)
class RevenueLineAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "effective", "currency", "net", "asset", "mirrored"]
    list_filter = ["kind", "currency"]


@admin.register(MonthClose)
class MonthCloseAdmin(ReadOnlyAdmin):
    list_display = ["period", "currency", "net", "pool", "creators", "awards", "beneficiaries", "closed_through"]


@admin.register(Statement)
class StatementAdmin(ReadOnlyAdmin):
    list_display = ["number", "beneficiary", "amount", "repaid"]
    list_select_related = ["close", "beneficiary"]


@admin.register(HashBlock)
class HashBlockAdmin(ReadOnlyAdmin):
    list_display = ["sequence", "journals", "last_journal", "sha256", "sealed_at"]
