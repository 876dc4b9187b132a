"""People sign up, make tokens, and found a company."""

from typing import Any

from demo.people import COMPANY
from demo.world import World


def run(world: World) -> tuple[dict[str, Any], str]:
    world.manage("create_user", "steward", "--staff", "--exist-ok", "--password", world.state.password("steward"))
    for name, person in world.people.items():
        if f"{name}.token" in world.state:
            continue
        if name == "steward":
            person.log_in()
        else:
            person.sign_up()
        person.make_token()
    if "company" not in world.state:
        world["buyer"].submit("/organisations/new", {"name": COMPANY, "full_name": "Northwind Pictures"})
        world.state.keep(company=COMPANY)
    who = world["researcher"].api("GET", "/api/whoami-v2")
    return {"people": len(world.people), "organisations": 1, "token works for": who["name"]}, "/researcher"
