"""What grants do when compute says that something of an allocation expired."""

from typing import Any

from common.services.outbox import receiver
from grants.services.returns import take_back


@receiver("allocation.returned")
def return_to_source(payload: dict[str, Any]) -> None:
    """Allocations that no award opened are nobody's business here."""
    take_back(payload["reference"], gpu_seconds=payload["gpu_seconds"], key=payload["key"])
