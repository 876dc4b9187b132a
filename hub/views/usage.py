"""How the page of a model tells to use it, by what its files are."""

import json
from typing import Any

from django.http import HttpRequest

from accounts.principal import Principal
from common.errors import Refusal
from hub.algorithms import cards
from hub.algorithms.usage import (
    LORA,
    LORA_FILE,
    PIPELINE_FILE,
    TWO_ENCODERS,
    WORD,
    WORD_FILE,
    Base,
    Usage,
    absent_of,
    prompt_of,
    word_of,
)
from hub.algorithms.weights import WeightsUnreadable
from hub.enums import RepositoryKind
from hub.errors import RepositoryMoved
from hub.models import Repository
from hub.selectors import entries_named, has_contents, read_text, repository_for, revision_of
from hub.selectors.revisions import Revision
from hub.services.weights import tensors_at


def usage_of(request: HttpRequest, revision: Revision, text: str) -> Usage:
    """`text` is that of its card."""
    repository, by = revision.repository, request.principal
    if repository.kind != RepositoryKind.MODEL:
        return Usage()
    files = {file.path for file in entries_named(revision, [PIPELINE_FILE, LORA_FILE, WORD_FILE])}
    prompt, name = prompt_of(repository.card, text), _class_of(repository)
    if PIPELINE_FILE in files:
        return Usage(pipeline=name, absent=_absent(revision, by), prompt=prompt)
    if LORA_FILE in files:
        return Usage(adapter=LORA, base=_base(repository, by), prompt=prompt)
    if WORD_FILE in files:
        tensors = _tensors(revision, by)
        for_two = tensors >= TWO_ENCODERS
        word = "" if for_two or len(tensors) != 1 else next(iter(tensors))
        return Usage(
            adapter=WORD,
            base=_base(repository, by),
            word=word or word_of(text),
            for_two_encoders=for_two,
            prompt=prompt,
        )
    named = repository.config.get("architectures") or ""
    architecture = named if isinstance(named, str) else named[0]
    return Usage(network=name if name.isascii() and name.isidentifier() else "", architecture=architecture)


def _class_of(repository: Repository) -> str:
    return str(repository.config.get("diffusers", {}).get("_class_name", ""))


def _base(repository: Repository, by: Principal) -> Base:
    """The first that its card names; whoever may not have its contents has to bring it along."""
    name = next(iter(cards.facts_of(repository.card).base_models), "")
    if not name:
        return Base()
    try:
        found = _named(by, name)
    except Refusal:
        return Base(name)
    if not found.head or not has_contents(by, found):
        return Base(name)
    return Base(found.full_name, True, _class_of(found), _absent(revision_of(found, found.head), by))


def _named(by: Principal, name: str) -> Repository:
    try:
        return repository_for(by, RepositoryKind.MODEL, name)
    except RepositoryMoved as moved:
        return repository_for(by, RepositoryKind.MODEL, str(moved.hint))


def _absent(revision: Revision, by: Principal) -> tuple[str, ...]:
    try:
        index: Any = json.loads(read_text(revision, PIPELINE_FILE) or "{}")
    except (ValueError, RecursionError):
        return ()
    return absent_of(index) if isinstance(index, dict) and has_contents(by, revision.repository) else ()


def _tensors(revision: Revision, by: Principal) -> set[str]:
    """The names in the file of a word, for those who may have it."""
    if not has_contents(by, revision.repository):
        return set()
    try:
        return {one.name for one in tensors_at(revision, WORD_FILE)}
    except WeightsUnreadable:
        return set()
