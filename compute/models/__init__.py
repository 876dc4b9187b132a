from compute.models.allocations import Allocation, AllocationMember, AllocationQuerySet, GpuSecondEntry
from compute.models.clusters import Cluster, Flavor
from compute.models.jobs import Attempt, Job

__all__ = [
    "Allocation",
    "AllocationMember",
    "AllocationQuerySet",
    "Attempt",
    "Cluster",
    "Flavor",
    "GpuSecondEntry",
    "Job",
]
