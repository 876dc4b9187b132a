from django.contrib import admin

from accounts.principal import Principal
from common.admin import ReadOnlyAdmin
from hub.models import BulkGrant, StorageLimit, Sweep
from hub.services import bulk, quotas

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


@admin.register(BulkGrant)
class BulkGrantAdmin(admin.ModelAdmin):
    list_display = ["id", "user", "purpose", "daily_bytes", "created_at", "changed_by"]
    list_select_related = ["user", "changed_by"]
    fields = ["user", "purpose", "daily_bytes"]
    readonly_fields = ["user", "purpose"]

    def save_model(self, request, obj, form, change):
        """By the service, so that the audit log knows who allowed what."""
        bulk.change_budget(obj, form.cleaned_data["daily_bytes"], by=Principal(user=request.user))

    def has_add_permission(self, request):
        return False  # people ask themselves, and get the token

    def has_delete_permission(self, request, obj=None):
        return False
