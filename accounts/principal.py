"""Who is asking, and by which credential."""

from dataclasses import dataclass

from accounts.models import AccessToken, User


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
        """Staff rights need a session or a write token; a job's token never has them."""
        return self.user is not None and self.user.is_staff and (self.token is None or self.token.scope == "write")

    @property
    def may_write(self) -> bool:
        """Whether the credential allows changes at all."""
        return self.user is not None and (self.token is None or self.token.scope in {"write", "job"})

    @property
    def may_manage(self) -> bool:
        """Whether the credential may act for the whole person: submit jobs, spend money, sign, review."""
        return self.user is not None and (self.token is None or self.token.scope == "write")

    def __str__(self) -> str:
        return self.user.username if self.user else ""


ANONYMOUS = Principal()
