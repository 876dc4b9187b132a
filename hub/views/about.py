"""What the page of a repository says beside the words of its card: relations, results, how to cite it."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import mark_safe

from accounts.principal import Principal
from hub.algorithms import cards, citations, evaluations
from hub.enums import RepositoryKind
from hub.selectors.citing import schema_facts, work_of
from hub.selectors.repositories import addresses_of
from hub.selectors.revisions import Revision, entries_named

LICENCE_FILES = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md", "LICENCE.txt", "COPYING"]
SHOWN = 20


def about(request: HttpRequest, revision: Revision) -> dict[str, Any]:
    """For hub/about.html, hub/results.html and the head of the page."""
    repository, by = revision.repository, request.principal
    facts = cards.facts_of(repository.card)
    results = evaluations.results_of(repository.card, repository.eval_results)
    evaluated_on = addresses_of(by, RepositoryKind.DATASET, {one.dataset_id for one in results})
    licence = next(iter(entries_named(revision, LICENCE_FILES)), None)
    work = work_of(by, revision)
    schema = citations.schema_org(work, schema_facts(repository))
    return {
        "list_address": "/datasets" if repository.kind == RepositoryKind.DATASET else "/models",
        "languages": facts.languages[:SHOWN],
        "metrics": facts.metrics[:SHOWN],
        "base_models": _linked(by, RepositoryKind.MODEL, facts.base_models),
        "training_data": _linked(by, RepositoryKind.DATASET, facts.datasets),
        "results": [(one, evaluated_on.get(one.dataset_id, "")) for one in results],
        "licence_file": licence,
        "bibtex": citations.bibtex(work),
        "apa": citations.apa(work),
        "schema": mark_safe(schema),  # noqa: S308 - JSON whose brackets and ampersands are escaped
    }


def _linked(by: Principal, kind: RepositoryKind, names: Iterable[str]) -> list[tuple[str, str]]:
    """Each name with the address of its page, empty when it is not here or not for this person."""
    shown = list(names)[:SHOWN]
    found = addresses_of(by, kind, shown)
    return [(name, found.get(name, "")) for name in shown]
