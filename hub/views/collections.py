"""Collections as pages."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.selectors import namespace_named
from common.errors import NotFound, Refusal
from common.pagination import page_of
from hub import rules
from hub.forms import CollectForm, CollectionForm, ItemForm, NewCollectionForm, NewItemForm
from hub.models import Collection
from hub.selectors import collections as selectors
from hub.services import collections as services
from hub.views.frame import find


@require_safe
def collection_list(request: HttpRequest, namespace: str = "") -> HttpResponse:
    owner = namespace_named(namespace) if namespace else None
    if namespace and owner is None:
        raise NotFound(_("Nobody is called that here."), hint=_("Check the spelling, or search the models."))
    by = request.principal
    rows = selectors.listed(by) if owner is None else selectors.collections_of(owner, by)
    context = {
        "owner": owner,
        "page": page_of(request, rows),
        "may_create": rules.may_curate(by, owner) if owner is not None else request.user.is_authenticated,
    }
    return render(request, "hub/collections.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def collection_create(request: HttpRequest) -> HttpResponse:
    owner = request.GET.get("owner", request.user.username)
    form = NewCollectionForm(request.POST or None, user=request.user, initial={"namespace": owner})
    if form.is_valid():
        chosen = dict(form.cleaned_data)
        try:
            made = services.create(namespace_named(chosen.pop("namespace")), by=request.principal, **chosen)
        except Refusal as refusal:
            form.add_error("title", str(refusal))
        else:
            return redirect(made)
    return render(request, "hub/collection_new.html", {"form": form})


@require_safe
def collection_page(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    collection = selectors.collection_for(request.principal, f"{namespace}/{slug}")
    if request.path != collection.get_absolute_url():
        return redirect(collection)
    return _page(request, collection)


@login_required
@require_POST
def collection_act(request: HttpRequest, namespace: str, slug: str, act: str) -> HttpResponse:
    """The forms of the page: edit, delete, add an item."""
    collection = selectors.collection_for(request.principal, f"{namespace}/{slug}")
    by = request.principal
    if act == "delete":
        services.delete(collection, by=by)
        messages.success(request, _("The collection is deleted."))
        return redirect(f"/collections/{collection.namespace.name}")
    form = CollectionForm(request.POST) if act == "edit" else NewItemForm(request.POST)
    if form.is_valid():
        chosen = form.cleaned_data
        try:
            if act == "edit":
                return redirect(services.update(collection, by=by, **chosen))
            services.add(
                collection, selectors.thing_named(by, chosen["kind"], chosen["name"]), by=by, note=chosen["note"]
            )
            return redirect(collection)
        except Refusal as refusal:
            if refusal.status == 403:  # a page would only say the same again
                raise
            form.add_error("title" if act == "edit" else "name", str(refusal))
    return _page(request, collection, **{act: form})


@login_required
@require_POST
def item_act(request: HttpRequest, namespace: str, slug: str, key: str) -> HttpResponse:
    """The buttons of one item: note, up, down, remove."""
    collection = selectors.collection_for(request.principal, f"{namespace}/{slug}")
    item = selectors.item_of(collection, key)
    form = ItemForm(request.POST)
    by = request.principal
    match request.POST.get("act"):
        case "remove":
            services.remove(item, by=by)
        case "up":
            services.update_item(item, by=by, position=max(item.position - 1, 0))
        case "down":
            services.update_item(item, by=by, position=item.position + 1)
        case _ if form.is_valid():
            services.update_item(item, by=by, note=form.cleaned_data["note"])
        case _:
            messages.error(request, " ".join(form.errors.get("note", [])))
    return redirect(collection)


@login_required
@require_POST
def collect(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """Put a repository into one of one's collections, from its page."""
    repository = find(request, prefix, namespace, name)
    form = CollectForm(request.POST, principal=request.principal)
    if not form.is_valid():
        messages.error(request, " ".join(error for errors in form.errors.values() for error in errors))
        return redirect(repository)
    collection = selectors.collection_for(request.principal, form.cleaned_data["collection"])
    try:
        services.add(collection, repository, by=request.principal, note=form.cleaned_data["note"])
    except Refusal as refusal:
        if refusal.status == 403:
            raise
        messages.error(request, str(refusal))
        return redirect(repository)
    messages.success(request, _("It is in the collection now."))
    return redirect(collection)


def _page(request: HttpRequest, collection: Collection, **forms: object) -> HttpResponse:
    may_write = rules.may_curate(request.principal, collection.namespace)
    items = selectors.items_of(collection, request.principal)
    context = {"collection": collection, "items": items, "may_write": may_write}
    if may_write:
        facts = {name: getattr(collection, name) for name in ("title", "description", "visibility", "theme")}
        context |= {"edit": CollectionForm(initial=facts), "add": NewItemForm()} | forms
        for item in items:
            item.form = ItemForm(initial={"note": item.note}, auto_id=f"id_{item.key}_%s")
    return render(request, "hub/collection.html", context)
