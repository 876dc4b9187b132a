"""Rooms further right tell what became of the repositories that tokens and publishers name by reference."""

from django.db import transaction

from accounts.models import TokenGrant, TrustedPublisher


@transaction.atomic
def moved(old: str, new: str) -> None:
    """Tokens follow. Publishers follow to another name of the same owner; a new owner chooses their own."""
    TokenGrant.objects.filter(repository__iexact=old).update(repository=new)
    publishers = TrustedPublisher.objects.filter(repository__iexact=old)
    if _owner(old) == _owner(new):
        publishers.update(repository=new)
    else:
        publishers.delete()


@transaction.atomic
def gone(reference: str) -> None:
    """Whoever takes the name later is reached by nothing that was meant for its predecessor."""
    TokenGrant.objects.filter(repository__iexact=reference).delete()
    TrustedPublisher.objects.filter(repository__iexact=reference).delete()


def _owner(reference: str) -> str:
    return reference.partition(":")[2].partition("/")[0].lower()
