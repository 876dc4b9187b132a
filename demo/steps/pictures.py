"""The Studio and the HTTP API draw, and a checker that reads pixels says whether it is what was asked for."""

import io
import re
from typing import Any

from demo.people import UnexpectedAnswer, wait_for
from demo.world import MODEL, World

PROMPTS = 64
WANTED = 0.8


def run(world: World) -> tuple[dict[str, Any], str]:
    page = _draw_in_the_studio(world)
    right, tried = _draw_held_out_prompts(world)
    share = right / tried
    shortened = world.training_steps is not None
    if share < WANTED and not shortened:
        raise UnexpectedAnswer(f"Only {share:.0%} of {tried} held-out prompts came out right, not {WANTED:.0%}.")
    figures = {"held-out prompts": tried, "colour and shape right": f"{share:.0%}"}
    if shortened:
        figures["note"] = "training was shortened by STEPS, so the share is shown and not demanded"
    return figures, page


def _draw_in_the_studio(world: World) -> str:
    researcher = world["researcher"]
    if "sessionid" not in researcher.browser.cookies:
        researcher.log_in()
    fields = {"model": MODEL, "prompt": "a red circle on a white background", "count": "2", "seed": "1"}
    answer = researcher.submit("/studio", fields)
    if "/generations/" not in answer.url:
        raise UnexpectedAnswer("The Studio did not lead to the pictures.")
    page = answer.url.removeprefix(world.url)
    found = wait_for(
        "the pictures of the Studio",
        lambda: re.findall(r'src="([^"]+/\d+\.png)"', researcher.get(page).text),
        seconds=120,
    )
    picture = researcher.browser.get(world.url + found[0], timeout=60)
    if not picture.content.startswith(b"\x89PNG"):
        raise UnexpectedAnswer("The Studio's picture is no PNG.")
    return page


def _draw_held_out_prompts(world: World) -> tuple[int, int]:
    """All prompts are asked for at once; the engine batches them."""
    from PIL import Image  # noqa: PLC0415 - heavy

    from compute.recipes.shapes.checker import check  # noqa: PLC0415 - heavy
    from compute.recipes.shapes.vocabulary import held_out_prompts  # noqa: PLC0415 - heavy

    researcher = world["researcher"]
    prompts = held_out_prompts(PROMPTS)
    asked = []
    for number, prompt in enumerate(prompts):
        body = {"model": MODEL, "prompt": prompt.text, "seed": number}
        headers = {"Idempotency-Key": f"demo-{world.state['job']}-{number}"}
        asked.append(researcher.api("POST", "/api/generations", body, headers=headers)["url"])
    right = 0
    for prompt, url in zip(prompts, asked, strict=True):
        made = wait_for(prompt.text, lambda url=url: _finished(researcher.api("GET", url)), seconds=300)
        picture = Image.open(io.BytesIO(researcher.call("GET", made["pictures"][0]["url"]).content))
        right += check(picture, prompt.scene.colour, prompt.scene.shape).passed
    return right, len(prompts)


def _finished(generation: dict[str, Any]) -> dict[str, Any] | None:
    if generation["state"] in {"failed", "refused", "cancelled"}:
        raise UnexpectedAnswer(f"A picture was not made: {generation.get('error')}")
    return generation if generation["state"] == "succeeded" else None
