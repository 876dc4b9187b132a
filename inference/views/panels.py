"""What this room shows on pages of rooms to its left."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.models import AccessToken
from hub.algorithms.usage import NEUTRAL, prompt_of
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import card_text, revision_of
from inference import selectors
from inference.algorithms import calls
from inference.enums import Task


def try_it(request: HttpRequest, repository: Repository, **context: object) -> str:
    """On the page of a model of pictures or sounds, and of a LoRA for one: the way to the Studio and to the API."""
    if repository.kind != RepositoryKind.MODEL or not repository.head:
        return ""
    tasks = selectors.tasks_now(repository)
    if tasks:
        return _panel(request, repository, model=repository, task=tasks[0])
    if not selectors.is_lora(repository):
        return ""
    base = selectors.base_of(request.principal, repository)
    if base is None:
        return render_to_string("inference/panel.html", {"repository": repository, "is_lora": True}, request=request)
    return _panel(request, repository, model=base, task=Task.TEXT_TO_IMAGE, lora=repository.full_name)


def _panel(request: HttpRequest, repository: Repository, *, model: Repository, task: Task, lora: str = "") -> str:
    revision = revision_of(repository, repository.head)
    prompt = prompt_of(repository.card, card_text(revision)) or NEUTRAL
    facts: dict[str, Any] = {
        "repository": repository,
        "model": model,
        "is_lora": bool(lora),
        "sounds": task == Task.SOUND,
        "call": calls.first(model.full_name, task=task, prompt=prompt, site=settings.BASE_URL, lora=lora),
    }
    return render_to_string("inference/panel.html", facts, request=request)


def token_use(request: HttpRequest, tokens: list[AccessToken], **context: object) -> str:
    """On the page of a person's tokens: what each drew and spent this month."""
    rows = selectors.use_of_tokens(tokens)
    return render_to_string("inference/token_use.html", {"rows": rows}, request=request) if rows else ""
