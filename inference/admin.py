from django.contrib import admin

from inference.models import Generation


@admin.register(Generation)
class GenerationAdmin(admin.ModelAdmin):
    """Operations only: prompts and pictures of others stay unseen here too."""

    list_display = ["id", "owner", "model_name", "state", "failure", "billing", "price", "attempt", "created_at"]
    list_filter = ["state", "failure", "billing"]
    list_select_related = ["owner"]
    search_fields = ["id", "owner__username", "model_name"]
    fields = [*list_display, "failure_detail", "lease_until", "timings", "finished_at"]
    readonly_fields = fields

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
