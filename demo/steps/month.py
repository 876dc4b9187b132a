"""The month is closed up to now: a tenth of net revenue goes to the pool, half of it to the creators."""

from datetime import UTC, datetime
from typing import Any

from common.money import format_money
from demo.people import UnexpectedAnswer
from demo.world import World


def run(world: World) -> tuple[dict[str, Any], str]:
    today = datetime.now(UTC)
    body = {"year": today.year, "month": today.month, "through": "now"}
    closings = world["steward"].api("POST", "/api/books/closings", body)["closings"]
    if not closings:
        raise UnexpectedAnswer("There was nothing to close.")
    close = closings[-1]
    figures: dict[str, Any] = {"net revenue": format_money(close["net"], close["currency"])}
    figures["pool"] = format_money(close["pool"], close["currency"])
    look = "/books"
    for name in ("researcher", "maker"):
        statements = world[name].api("GET", "/api/statements")["statements"]
        if not statements:
            raise UnexpectedAnswer(f"{name} has no statement.")
        total = sum(statement["amount"] for statement in statements)
        figures[f"{name} earns"] = format_money(total, close["currency"])
        look = f"/statements/{statements[0]['id']}" if name == "researcher" else look
    world.state.keep(currency=close["currency"], community_half=close["awards"])
    return figures, look
