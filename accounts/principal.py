"""Who is asking, and by which credential."""

from dataclasses import dataclass

from accounts.enums import OF_A_JOB, READING, Permission, TokenScope
from accounts.models import AccessToken, Namespace, User


@dataclass(frozen=True)
class Principal:
    """A person and the token they came with; both None for an anonymous visitor.

    `token is None` with a user means a browser session: full rights of that person.
    """

    user: User | None = None
    token: AccessToken | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.user is None

    @property
    def is_staff(self) -> bool:
        """Staff rights need a session or a write token; no smaller token ever has them."""
        return self.user is not None and self.user.is_staff and self.acts_in_full

    @property
    def may_manage(self) -> bool:
        """Whether the credential may act for the whole person: spend money, sign, review, administer."""
        return self.user is not None and self.acts_in_full

    @property
    def acts_in_full(self) -> bool:
        """A session or a write token: nothing that the person may do is closed to it."""
        return self.token is None or self.token.scope == TokenScope.WRITE

    @property
    def is_fine_grained(self) -> bool:
        return self.token is not None and self.token.scope == TokenScope.FINE

    @property
    def is_bulk(self) -> bool:
        return self.token is not None and self.token.scope == TokenScope.BULK

    def allows(self, permission: Permission, namespace: Namespace | None = None, repository: str = "") -> bool:
        """Whether the credential (not yet the person) reaches this.

        `repository` is a reference such as "model:ada/tiny" under `namespace`; without either the
        question is about the person as a whole. What a token has everywhere, it has under each name;
        what it has under a name, it has for each repository there.
        """
        if self.user is None:
            return False
        token = self.token
        if token is None:
            return True
        if token.namespace_id is not None and token.namespace_id != getattr(namespace, "pk", None):
            return False
        if token.scope == TokenScope.FINE:
            return any(
                _reaches(grant.namespace_id, grant.repository, namespace, repository)
                for grant in token.held
                if grant.permission == permission
            )
        # A bulk token reads what everybody may, and has its own budget for that.
        small = {TokenScope.READ: READING, TokenScope.JOB: OF_A_JOB, TokenScope.BULK: frozenset()}
        held = small.get(TokenScope(token.scope))
        return held is None or permission in held

    def __str__(self) -> str:
        return self.user.username if self.user else ""


def _reaches(granted_name: int | None, granted_repository: str, namespace: Namespace | None, repository: str) -> bool:
    if granted_repository:
        return granted_repository.lower() == repository.lower()
    return granted_name is None or (namespace is not None and granted_name == namespace.pk)


ANONYMOUS = Principal()
