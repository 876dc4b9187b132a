"""Counting a download by the request that makes it."""

from django.http import HttpRequest

from accounts.principal import Principal
from hub.api.protocol import address_of, principal_of
from hub.models import Repository
from hub.services import downloads


def count(request: HttpRequest, repository: Repository, *, by: Principal | None = None, ci: bool = False) -> None:
    """`by` and `ci` are what a token of its own tells, where the request carries one."""
    agent = request.headers.get("User-Agent", "")
    downloads.count(repository, by=by or principal_of(request), address=address_of(request), agent=agent, ci=ci)
