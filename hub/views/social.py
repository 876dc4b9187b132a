"""Liking, following, and who does."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Namespace
from accounts.selectors import namespace_named
from common.errors import NotFound
from common.pagination import page_of
from hub.selectors import social as selectors
from hub.services import social as services
from hub.views.frame import context_of, find

_PAGE = 60


@login_required
@require_POST
def like(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """One button: `likes` says what is wanted, so that pressing it twice does no harm."""
    repository = find(request, prefix, namespace, name)
    act = services.unlike if request.POST.get("likes") == "no" else services.like
    act(repository, by=request.principal)
    return redirect(repository)


@require_safe
def likers(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    page = page_of(request, selectors.likers_of(repository), size=_PAGE)
    return render(request, "hub/likers.html", context_of(request, repository, "likers", page=page))


@login_required
@require_POST
def follow(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _named(name)
    act = services.unfollow if request.POST.get("follows") == "no" else services.follow
    act(namespace, by=request.principal)
    return redirect(namespace)


@require_safe
def followers(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _named(name)
    page = page_of(request, selectors.followers_of(namespace), size=_PAGE)
    names = [row.user.username for row in page]
    return render(
        request, "hub/people.html", {"namespace": namespace, "tab": "followers", "page": page, "names": names}
    )


@require_safe
def following(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _person(name)
    page = page_of(request, selectors.following_of(namespace.user), size=_PAGE)
    names = [row.namespace.name for row in page]
    return render(
        request, "hub/people.html", {"namespace": namespace, "tab": "following", "page": page, "names": names}
    )


@require_safe
def likes(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _person(name)
    page = page_of(request, selectors.likes_of(namespace.user, request.principal))
    return render(request, "hub/people.html", {"namespace": namespace, "tab": "likes", "page": page})


def _named(name: str) -> Namespace:
    found = namespace_named(name)
    if found is None:
        raise NotFound(_("Nobody is called that here."), hint=_("Check the spelling, or search the models."))
    return found


def _person(name: str) -> Namespace:
    found = _named(name)
    if found.is_organisation:
        raise NotFound(_("This is an organisation: it is followed, and likes nothing itself."))
    return found
