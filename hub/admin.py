from django.contrib import admin

from common.admin import ReadOnlyAdmin
from hub.models import StorageLimit, Sweep
from hub.services import quotas

_FIELDS = ("public_bytes", "private_bytes", "repositories", "file_bytes", "repository_bytes")


@admin.register(StorageLimit)
class StorageLimitAdmin(admin.ModelAdmin):
    list_display = ["namespace", *_FIELDS, "reason", "changed_at"]
    list_select_related = ["namespace"]
    search_fields = ["namespace__name"]
    autocomplete_fields = ["namespace"]

    def save_model(self, request, obj, form, change):
        """By the service, so that the audit log knows who allowed what."""
        values = {field: form.cleaned_data[field] for field in _FIELDS}
        row = quotas.set_limits(obj.namespace, by=request.user, reason=form.cleaned_data["reason"], **values)
        obj.pk = row.pk

    def has_delete_permission(self, request, obj=None):
        return False  # empty fields are the defaults


@admin.register(Sweep)
class SweepAdmin(ReadOnlyAdmin):
    list_display = ["id", "state", "started_at", "ended_at", "bytes", "error"]
