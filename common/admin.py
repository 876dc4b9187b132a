from django.contrib import admin

from common import sight
from common.models import AuditEntry, OutboxEvent


class ReadOnlyAdmin(admin.ModelAdmin):
    """For records that are looked at, never edited."""

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "target"]
    search_fields = ["actor", "action", "target"]

    def get_queryset(self, request):
        """Without what this member of staff has a stake in (`common.sight`)."""
        hidden = sight.hidden_from(request.user)
        entries = super().get_queryset(request)
        return entries.exclude(hidden) if hidden else entries


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["topic", "key", "created_at", "relayed_at", "attempts"]
    search_fields = ["topic", "key"]
