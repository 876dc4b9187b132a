"""What this room shows on pages of rooms to its left."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.models import AccessToken
from common.addresses import absolute
from hub.models import Repository
from inference import selectors


def try_it(request: HttpRequest, repository: Repository, **context: object) -> str:
    """On the page of a model of pictures or sounds: the way to the Studio and to the API."""
    sounds = repository.pipeline_tag in selectors.SOUND_TAGS
    if repository.kind != "model" or not (sounds or repository.pipeline_tag == "text-to-image") or not repository.head:
        return ""
    facts = {"repository": repository, "address": absolute(f"/inference/{repository.full_name}"), "sounds": sounds}
    return render_to_string("inference/panel.html", facts, request=request)


def token_use(request: HttpRequest, tokens: list[AccessToken], **context: object) -> str:
    """On the page of a person's tokens: what each drew and spent this month."""
    rows = selectors.use_of_tokens(tokens)
    return render_to_string("inference/token_use.html", {"rows": rows}, request=request) if rows else ""
