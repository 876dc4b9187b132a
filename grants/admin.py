from django.contrib import admin

from grants import models
from grants.selectors.sight import kept_from


class ReadOnly(admin.ModelAdmin):
    """Looked at here, changed only through the services."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(models.Call)
class CallAdmin(ReadOnly):
    """Without what remains: the difference to the public budget is the sum of what is not yet announced."""

    list_display = ["slug", "track", "flavor_class", "budget_gpu_seconds", "closes_at"]
    exclude = ["remaining_gpu_seconds"]


@admin.register(models.Proposal)
class ProposalAdmin(ReadOnly):
    list_display = ["id", "title", "call", "holder", "state", "outcome"]
    list_filter = ["state", "outcome"]
    list_select_related = ["call", "holder"]

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(pk__in=kept_from(request.user))


@admin.register(models.Decision)
class DecisionAdmin(ReadOnly):
    list_display = ["id", "proposal", "outcome", "gpu_seconds", "rule_name", "rule_version", "at"]

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(proposal__in=kept_from(request.user))


@admin.register(models.Award)
class AwardAdmin(ReadOnly):
    list_display = ["id", "holder", "gpu_seconds", "amount", "currency", "ends_at"]


@admin.register(models.Round)
class RoundAdmin(ReadOnly):
    list_display = ["slug", "currency", "budget", "closes_at"]
