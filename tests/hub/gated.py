"""A gated repository of an organisation, and everybody who may come along."""

import io
from dataclasses import dataclass

from accounts.enums import Role
from accounts.models import User
from accounts.principal import Principal
from hub import stores
from hub.enums import GateMode
from hub.models import Repository
from hub.services import access, objects, repositories
from hub.services.commits import AddBytes, AddPointer, commit
from hub.storage.xet.ingest import ingest
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory

SECRET = b"what is behind the gate"
WEIGHTS = b"weights behind the gate " * 4000
OPEN_TO = ("accepted", "granted", "member", "writer", "owner", "staff")
CLOSED_TO = ("anonymous", "stranger", "pending", "rejected", "appealed", "withdrawn", "revoked")


@dataclass(frozen=True)
class Scene:
    """`people` by what they are to the repository."""

    repository: Repository
    people: dict[str, User]
    sha256: str
    xet_hash: str
    commit: str

    def by(self, who: str) -> Principal:
        return Principal(user=self.people.get(who))


def scene(*, gated: str = GateMode.MANUAL, name: str = "gated") -> Scene:
    """`lab/gated` with a card, a small file, and a large one that lies in the Xet store."""
    owner = UserFactory(username="ada")
    lab = OrganisationFactory(name="lab", admin=owner)
    people = {"owner": owner, "staff": StaffFactory(), "stranger": UserFactory()}
    people["member"] = MembershipFactory(organisation=lab).user
    people["writer"] = MembershipFactory(organisation=lab, role=Role.WRITE).user
    by = Principal(user=owner)
    repository = repositories.create_repository(lab.namespace, name, kind="model", by=by)
    file = ingest(stores.xet_store(), io.BytesIO(WEIGHTS))
    objects.hold_xet(repository, [file], by=by)
    files = [
        AddBytes("README.md", b"---\nlicense: mit\n---\n# The card\n"),
        AddBytes("secret.txt", SECRET),
        AddPointer("model.safetensors", file.sha256, file.size),
    ]
    result = commit(repository, files, by=by, message="Add files")
    repository = repositories.update_settings(repository, by=by, gated=gated)
    for state in ("pending", "rejected", "appealed", "withdrawn", "revoked", "accepted"):
        people[state] = UserFactory(username=state)
        bring(repository, people[state], state, by=by)
    people["granted"] = UserFactory()
    access.grant(repository, people["granted"], by=by)
    repository.refresh_from_db()
    return Scene(repository, people, file.sha256, file.hash, result.oid)


def bring(repository: Repository, user: User, state: str, *, by: Principal) -> None:
    """Take a person's request to a state."""
    own = Principal(user=user)
    request = access.ask(repository, by=own, answers={})
    if request.state == "accepted" and state != "accepted":
        request = access.put_back(request, by=by)
    match state:
        case "accepted" if request.state != "accepted":
            access.accept(request, by=by)
        case "rejected":
            access.reject(request, by=by, reason="Not now")
        case "appealed":
            access.appeal(access.reject(request, by=by, reason="Not now"), "Look again", by=own)
        case "withdrawn":
            access.withdraw(request, by=own)
        case "revoked":
            access.reject(access.accept(request, by=by), by=by, reason="No longer")
