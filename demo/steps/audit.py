"""`manage.py audit`: money and GPU-seconds balance to the unit."""

import json
from typing import Any

from demo.world import World


def run(world: World) -> tuple[dict[str, Any], str]:
    findings = json.loads(world.manage("audit", "--json"))
    broken = {name: violations for name, violations in findings.items() if violations}
    if broken or not findings:
        raise RuntimeError(f"The books do not balance: {broken}")
    return {"invariants that hold": len(findings)}, "/books"
