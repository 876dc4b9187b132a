"""The community half of the pool funds new research: nominated, scored, decided, opened as an allocation."""

from typing import Any

from common.money import format_money
from demo.people import UnexpectedAnswer
from demo.world import DATASET, World

ROUND = "demo-round"


def run(world: World) -> tuple[dict[str, Any], str]:
    currency = world.state["currency"]
    budget = world.state["community_half"]
    world.manage(
        *["open_round", ROUND, "--title", "What should be funded next?", "--currency", currency],
        *["--budget", str(budget), "--cap-permille", "1000", "--seats", "1", "--least-scores", "1"],
        *["--panel", "reviewer", "steward"],
    )
    opened = world["researcher"].api("GET", f"/api/grants/rounds/{ROUND}")
    asked = min(3600, opened["cap"] // opened["price"])
    nomination = world["researcher"].api(
        "POST",
        f"/api/grants/rounds/{ROUND}/nominations",
        {"kind": "dataset", "name": DATASET, "why": "More shapes would teach models to count.", "gpu_seconds": asked},
    )
    world["maker"].api("POST", f"/api/grants/nominations/{nomination['id']}/answer", {"answer": "confirm"})
    world["reviewer"].api("POST", f"/api/grants/nominations/{nomination['id']}/score", {"score": 5})
    closed = {"closes_at": "now", "reason": "Everything of this demonstration is nominated and scored."}
    world["steward"].api("POST", f"/api/grants/rounds/{ROUND}/closing", closed)
    decided = world["steward"].api("POST", f"/api/grants/rounds/{ROUND}/decide", {})
    awards = [award for award in world["maker"].api("GET", "/api/grants/awards")["awards"] if award["amount"]]
    if not awards:
        raise UnexpectedAnswer(f"The round gave nothing: {decided}")
    award = awards[0]
    figures = {
        "pool before": format_money(budget, currency),
        "awarded": format_money(award["amount"], currency),
        "GPU-seconds": award["gpu_seconds"],
        "to": award["namespace"],
    }
    return figures, f"/grants/rounds/{ROUND}"
