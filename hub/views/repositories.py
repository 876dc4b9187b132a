"""The page of a repository, of a namespace, and the life of repositories."""

import json

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.rules import may_write_namespace
from accounts.selectors import members_of, namespace_named
from common.addresses import absolute
from common.errors import NotFound, Refusal
from common.pagination import page_of
from hub import rules
from hub.algorithms import croissant, rendering, snippets
from hub.enums import RepositoryKind
from hub.errors import RepositoryDisabled, RepositoryNotFound
from hub.forms import CollectForm, NewRepositoryForm
from hub.models import Repository
from hub.selectors import collections, listing, social
from hub.selectors.cards import card_text
from hub.selectors.credits import credits_awaiting, mentions_to_claim
from hub.selectors.notices import about_training_data, unread
from hub.selectors.revisions import first_file, total_size
from hub.services import repositories as services
from hub.views import tombstones
from hub.views.about import about
from hub.views.access import gate_context
from hub.views.frame import KINDS, context_of, default_revision, find
from hub.views.tensors import weights_context
from hub.views.usage import usage_of

COLLECTIONS_SHOWN = 5


@require_safe
def repository_page(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    try:
        repository = find(request, prefix, namespace, name)
    except (RepositoryNotFound, RepositoryDisabled):
        page = tombstones.page(request, KINDS[prefix], f"{namespace}/{name}")
        if page is None:
            raise
        return page
    revision = default_revision(repository)
    text = card_text(revision)
    address = repository.get_absolute_url()
    html = rendering.render_card(
        text, base=f"{address}/resolve/{revision.commit}/", files=f"{address}/blob/{revision.commit}/"
    )
    context = context_of(
        request,
        repository,
        "card",
        card_html=mark_safe(html),  # noqa: S308 - cleaned by allow-list
        snippets=snippets.snippets_of(
            repository.kind,
            repository.full_name,
            library=repository.library_name,
            endpoint=settings.BASE_URL,
            weights=first_file(revision, ".safetensors"),
            task=repository.pipeline_tag,
            usage=usage_of(request, revision, text),
        ),
        total_size=total_size(revision),
        may_duplicate=request.user.is_authenticated,
        collections=collections.holding(repository, request.principal)[:COLLECTIONS_SHOWN],
        collect=CollectForm(principal=request.principal) if request.user.is_authenticated else None,
        notices=about_training_data(repository)[:5],
        structured=_structured(repository),
    )
    context |= gate_context(request, repository) | about(request, revision)
    context |= weights_context(repository, revision)
    return render(request, "hub/repository.html", context)


def _structured(repository: Repository) -> str:
    """schema.org's words about a data set, for search engines; "" for anything else."""
    if repository.kind != RepositoryKind.DATASET:
        return ""
    facts = croissant.schema_of(
        full_name=repository.full_name,
        url=absolute(repository.get_absolute_url()),
        card=repository.card,
        licence=repository.license,
        created=repository.created_at,
        changed=repository.updated_at,
        creator=repository.namespace.name,
        creator_url=absolute(repository.namespace.get_absolute_url()),
        is_organisation=repository.namespace.organisation_id is not None,
    )
    text = json.dumps({"@context": "https://schema.org/", "@type": "Dataset"} | facts)
    # Nothing in it may end the element that it stands in.
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return mark_safe(safe)  # noqa: S308 - escaped above


@require_safe
def namespace_page(request: HttpRequest, namespace: str) -> HttpResponse:
    found = namespace_named(namespace)
    if found is None:
        raise NotFound(_("Nobody is called that here."), hint=_("Check the spelling, or search the models."))
    own = found.user_id is not None and found.user_id == request.user.pk
    context = {
        "namespace": found,
        "page": page_of(request, listing.repositories_of(found, request.principal)),
        "members": members_of(found.organisation) if found.organisation else [],
        "awaiting": credits_awaiting(found.user) if own else [],
        "to_claim": mentions_to_claim(request.principal)[:50] if own else [],
        "own": own,
        "standing": social.standing_of(found, request.principal),
        "following": social.following_of(found.user).count() if found.user else None,
        "liked": social.likes_of(found.user, request.principal).count() if found.user else None,
        "notices": unread(found)[:20] if may_write_namespace(request.principal, found) else [],
        "may_create": rules.may_create(request.principal, found),
    }
    return render(request, "hub/namespace.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def repository_create(request: HttpRequest) -> HttpResponse:
    form = NewRepositoryForm(
        request.POST or None, user=request.user, initial={"kind": request.GET.get("kind", "model")}
    )
    if form.is_valid():
        chosen = form.cleaned_data
        namespace = namespace_named(chosen["namespace"])
        try:
            repository = services.create_repository(
                namespace,
                chosen["name"],
                kind=chosen["kind"],
                visibility=chosen["visibility"] or None,
                by=request.principal,
            )
        except Refusal as refusal:
            form.add_error("name", str(refusal))
        else:
            return redirect(repository)
    return render(request, "hub/create.html", {"form": form})
