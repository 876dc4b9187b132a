from compute.models.allocations import Allocation, AllocationQuerySet, GpuSecondEntry
from compute.models.clusters import Cluster, Flavor
from compute.models.jobs import Attempt, Job

__all__ = ["Allocation", "AllocationQuerySet", "Attempt", "Cluster", "Flavor", "GpuSecondEntry", "Job"]
