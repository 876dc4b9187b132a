"""The researcher asks for compute in the instant track; a published rule decides at once."""

from typing import Any

from demo.people import UnexpectedAnswer
from demo.world import World

CALL = "first-models"
ASKED = 7200
ABSTRACT = (
    "We train a small text-to-image model from nothing on captioned pictures of coloured shapes, to find out how "
    "well colour and form bind in combinations that were never shown. The model, its training program and its "
    "measurements will be published openly."
)


def run(world: World) -> tuple[dict[str, Any], str]:
    world.manage("open_call", CALL, "--title", "First models", "--summary", "Small awards, decided in seconds.")
    proposal = world["researcher"].api(
        "POST",
        f"/api/grants/calls/{CALL}/proposals",
        {
            "title": "Binding colour and form",
            "abstract": ABSTRACT,
            "gpu_seconds": ASKED,
            "publishes_openly": True,
            "key": "demo",
        },
    )
    decision, award = proposal["decision"], proposal["award"]
    if proposal["outcome"] != "awarded" or award is None:
        raise UnexpectedAnswer(f"The rule decided {proposal['outcome']}: {decision and decision['reasons']}")
    world.manage("recompute_decision", str(decision["id"]))
    world.state.keep(proposal=proposal["id"], award=award["id"], allocation=award["allocation"])
    figures = {
        "decided by": f"{decision['rule']['name']} rule v{decision['rule']['version']}",
        "inputs stored": len(decision["inputs"]),
        "GPU-seconds": award["gpu_seconds"],
    }
    return figures, f"/proposals/{proposal['id']}"
