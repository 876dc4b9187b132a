"""The models that can be asked here, the LoRAs beside them, and how a version wants to be asked: all by their files."""

import json
from collections.abc import Iterable
from functools import lru_cache

from django.db.models import Q, QuerySet

from accounts.principal import Principal
from common.errors import Refusal
from hub.algorithms.cards import facts_of
from hub.algorithms.usage import LORA_FILE
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import contents_open_to, holding, read_text, repository_for, require_contents, revision_of
from inference.algorithms.profiles import SERVES, Profile, profile_of
from inference.enums import Task

PICTURES = tuple(task for task in Task if task != Task.SOUND)
_IMAGE_TAGS = ("text-to-image", "image-to-image", "image-text-to-image")
_FINDER = "CLIPSegForImageSegmentation"
_MOST_BASES = 5  # of those that a card names


def models_for(principal: Principal, *, tasks: Iterable[Task] = PICTURES) -> QuerySet[Repository]:
    """Models that do one of these tasks and that the person may use, the newest first."""
    wanted = set(tasks)
    classes = [name for name, served in SERVES.items() if wanted.intersection(served)]
    # The tag has an index and is only a word; the class was read from the file.
    tagged = _open_models(principal).filter(tags__overlap=[f"diffusers:{name}" for name in classes])
    return holding(tagged.filter(config__diffusers___class_name__in=classes), "model_index.json")


def loras_for(principal: Principal) -> QuerySet[Repository]:
    """LoRAs for pictures that the person may use, the newest first."""
    return _loras(_open_models(principal))


def among(rows: QuerySet[Repository], names: Iterable[str], *, most: int) -> list[Repository]:
    """The first `most` of them, and after these the ones of the given names."""
    found = list(rows[:most])
    missing = {name for name in names if name.count("/") == 1 and "\x00" not in name}.difference(
        one.full_name for one in found
    )
    if not missing:
        return found
    wanted = Q(pk__in=[])
    for name in missing:
        namespace, _slash, own = name.partition("/")
        wanted |= Q(namespace__name=namespace, name=own)
    return [*found, *rows.filter(wanted)]


def finders_for(principal: Principal) -> QuerySet[Repository]:
    """Models that find what words name in an image, and that the person may use, the newest first."""
    return _open_models(principal).filter(tags__contains=["clipseg"], config__architectures=[_FINDER])


def _open_models(principal: Principal) -> QuerySet[Repository]:
    found = contents_open_to(principal).filter(kind=RepositoryKind.MODEL).exclude(head="")
    return found.order_by("-updated_at", "-id")


def is_finder(repository: Repository, commit: str) -> bool:
    """Whether this version is of the one class that the engine finds with."""
    try:
        config = json.loads(read_text(revision_of(repository, commit), "config.json") or "{}")
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and config.get("architectures") == [_FINDER]


def is_lora(repository: Repository) -> bool:
    return _loras(Repository.objects.filter(pk=repository.pk)).exists()


def _loras(rows: QuerySet[Repository]) -> QuerySet[Repository]:
    """Those for films have a file of the same name, and say so in their card."""
    return holding(rows.filter(Q(pipeline_tag="") | Q(pipeline_tag__in=_IMAGE_TAGS)), LORA_FILE)


def profile(repository: Repository, commit: str) -> Profile | None:
    """How this version wants to be asked; None when it is no pipeline."""
    revision = revision_of(repository, commit)
    return profile_of(lambda path: read_text(revision, path), card=repository.card)


@lru_cache(maxsize=2048)
def tasks_of(repository: Repository, commit: str) -> tuple[Task, ...]:
    """Of one version, which never changes; empty for what is no pipeline."""
    known = profile(repository, commit)
    return () if known is None else known.tasks


def tasks_now(repository: Repository) -> tuple[Task, ...]:
    """Of its head, which is only read where its class is one that is served."""
    name = repository.config.get("diffusers", {}).get("_class_name")
    return tasks_of(repository, repository.head) if name in SERVES else ()


def model_named(principal: Principal, name: str) -> Repository:
    """By its name, or by one that it had before, for somebody who may have its contents. Raises the hub's refusals."""
    try:
        found = repository_for(principal, RepositoryKind.MODEL, name)
    except Refusal as refusal:
        if refusal.code != "moved":
            raise
        found = repository_for(principal, RepositoryKind.MODEL, str(refusal.hint))
    require_contents(principal, found)
    return found


def base_of(principal: Principal, lora: Repository) -> Repository | None:
    """The first that its card names as its base and that is here, open to the person, and draws from words."""
    for name in facts_of(lora.card).base_models[:_MOST_BASES]:
        try:
            found = model_named(principal, name)
        except Refusal:
            continue
        if Task.TEXT_TO_IMAGE in tasks_now(found):
            return found
    return None


def beside_its_base(principal: Principal, name: str) -> dict[str, str]:
    """For a LoRA that was named where a model is wanted: its base as the model and it beside, by the Studio's names.

    Empty for anything else, and where its base is not here."""
    try:
        found = model_named(principal, name) if name else None
    except Refusal:
        return {}
    if found is None or tasks_now(found) or not is_lora(found):
        return {}
    base = base_of(principal, found)
    return {"model": base.full_name, "lora_1": found.full_name} if base else {}
