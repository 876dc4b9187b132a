from django.contrib import admin

from common.admin import ReadOnlyAdmin
from compute.models import Allocation, Attempt, Cluster, Flavor, GpuSecondEntry, Job


@admin.register(Cluster)
class ClusterAdmin(admin.ModelAdmin):
    list_display = ["name", "backend", "cpus", "monthly_limit", "currency", "is_open"]


@admin.register(Flavor)
class FlavorAdmin(admin.ModelAdmin):
    list_display = ["name", "flavor_class", "cluster", "rate", "price", "cpus", "memory", "wall_limit", "is_open"]
    list_select_related = ["cluster"]


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    list_display = ["id", "holder", "flavor_class", "granted", "state", "ends_at", "reference"]
    search_fields = ["reference", "holder__name"]
    list_select_related = ["holder"]


@admin.register(GpuSecondEntry)
class GpuSecondEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "allocation", "kind", "amount", "reference"]
    search_fields = ["reference"]
    list_select_related = ["allocation"]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ["id", "namespace", "flavor", "state", "created_at", "reserved", "charged"]
    search_fields = ["id", "namespace__name"]
    list_select_related = ["namespace", "flavor"]
    exclude = ["sealed_secrets"]


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ["job", "number", "state", "worker", "started_at", "ended_at", "exit_code", "sandbox"]
    search_fields = ["job__id"]
    list_select_related = ["job"]
    exclude = ["token"]
