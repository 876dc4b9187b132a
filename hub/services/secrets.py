"""Credentials in what is committed: refused where everybody would see them, warned of elsewhere.

An access token of this site that was about to be published is revoked at once: whoever put it into a file has
most likely put it elsewhere too.
"""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import AccessToken
from accounts.selectors import token_digest
from accounts.services import tokens
from hub.algorithms import secrets
from hub.algorithms.secrets import Secret
from hub.enums import NoticeKind
from hub.errors import Unprocessable
from hub.git.commits import AddBytes, Operation
from hub.models import Repository
from hub.services import notices

_SHOWN = 5


class SecretsRefused(Unprocessable):
    """A commit to a public repository would publish credentials."""

    code = "secrets"

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            hint=_(
                "Take them out and change them where they are from. If they are none, or may be seen, add a line "
                "to the commit's description: Allow-Secrets: <why>"
            ),
        )


def found_in(operations: Sequence[Operation]) -> list[Secret]:
    """Credentials in the small files of a commit."""
    added = [operation for operation in operations if isinstance(operation, AddBytes)]
    return [secret for operation in added for secret in secrets.find(operation.path, operation.data)]


def refuse_public(repository: Repository, found: Sequence[Secret], *, message: str) -> None:
    """Raises SecretsRefused for a public repository.

    It is called outside of the transaction of the commit: tokens stay revoked although the commit is refused.
    A token of this site that works is never let through, whatever the message says.
    """
    if repository.is_private or not found:
        return
    revoked = revoke_own(repository, found)
    if revoked or not secrets.is_allowed_by(message):
        raise SecretsRefused(words_for(found, revoked=revoked))


@transaction.atomic
def revoke_own(repository: Repository, found: Iterable[Secret]) -> int:
    """End the access tokens of this site among them, and tell their owners; returns how many worked."""
    places = {token_digest(secret.text): secret for secret in found if secret.text.startswith("hf_")}
    working = AccessToken.objects.select_for_update(of=("self",)).select_related("user__namespace")
    rows = [row for row in working.filter(digest__in=places, revoked_at__isnull=True) if _works(row)]
    for row in rows:
        tokens.revoke_token(row)
        notices.tell(
            row.user.namespace,
            NoticeKind.TOKEN_REVOKED,
            key=f"token:{row.pk}",
            facts={"name": row.name, "hint": row.hint, "path": places[row.digest].path, "in": repository.full_name},
            address="/settings/tokens",
        )
    return len(rows)


def words_for(found: Sequence[Secret], *, revoked: int = 0) -> str:
    """Which files and lines, for people; never the credentials themselves."""
    listed = ", ".join(secret.place for secret in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    text = _("This looks like credentials: %(listed)s.") % {"listed": listed}
    if revoked:
        text += " " + _("An access token of this site among them was revoked.")
    return text


def _works(token: AccessToken) -> bool:
    return token.expires_at is None or token.expires_at > timezone.now()
