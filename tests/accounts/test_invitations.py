"""Nobody belongs to an organisation without having agreed."""

import pytest

from accounts.enums import Role, TokenScope
from accounts.models import Invitation, Membership
from accounts.selectors import namespaces_of
from accounts.services import organisations
from common.errors import Conflict, Forbidden, NotFound
from grants.selectors.proposals import conflict_between
from tests.factories import grants as make_grants
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory, principal_of

pytestmark = pytest.mark.django_db


def invited(role=Role.READ):
    admin, person = UserFactory(), UserFactory()
    organisation = OrganisationFactory(name="lab", admin=admin)
    organisations.invite(organisation, person, role=role, by=principal_of(admin))
    return organisation, admin, person


def test_an_invitation_gives_nothing_and_ties_to_nothing():
    organisation, admin, person = invited()
    assert organisation.namespace not in namespaces_of(person)
    proposal = make_grants.draft(applicant=admin)
    assert conflict_between(person, proposal) == ""
    organisations.accept_invitation(organisation, by=principal_of(person))
    assert organisation.namespace in namespaces_of(person)
    assert conflict_between(person, proposal)


def test_who_was_invited_accepts_in_the_role_that_was_asked():
    organisation, admin, person = invited(Role.READ)
    organisations.invite(organisation, person, role=Role.WRITE, by=principal_of(admin))
    assert organisations.accept_invitation(organisation, by=principal_of(person)).role == Role.WRITE
    assert not Invitation.objects.exists()
    with pytest.raises(Conflict):
        organisations.invite(organisation, person, role=Role.READ, by=principal_of(admin))
    with pytest.raises(NotFound):
        organisations.accept_invitation(organisation, by=principal_of(person))


def test_declined_and_withdrawn_invitations_are_over():
    organisation, admin, person = invited()
    organisations.decline_invitation(organisation, by=principal_of(person))
    organisations.invite(organisation, person, role=Role.READ, by=principal_of(admin))
    organisations.withdraw_invitation(organisation, person, by=principal_of(admin))
    with pytest.raises(NotFound):
        organisations.accept_invitation(organisation, by=principal_of(person))
    assert not Membership.objects.filter(user=person).exists()


@pytest.mark.parametrize("who", ["stranger", "member", "staff"])
def test_only_administrators_invite_and_withdraw(who):
    organisation, _admin, person = invited()
    user = {"stranger": UserFactory, "staff": StaffFactory}.get(who, UserFactory)()
    if who == "member":
        MembershipFactory(organisation=organisation, user=user, role=Role.WRITE)
    with pytest.raises(Forbidden):
        organisations.invite(organisation, UserFactory(), role=Role.READ, by=principal_of(user))
    with pytest.raises(Forbidden):
        organisations.withdraw_invitation(organisation, person, by=principal_of(user))
    with pytest.raises(Forbidden):
        organisations.set_role(organisation, person, role=Role.ADMIN, by=principal_of(user))


def test_a_small_token_does_not_answer():
    organisation, _admin, person = invited()
    with pytest.raises(Forbidden):
        organisations.accept_invitation(organisation, by=principal_of(person, scope=TokenScope.READ))


def test_nobody_gets_a_role_without_an_invitation():
    organisation, admin, person = invited()
    with pytest.raises(NotFound):
        organisations.set_role(organisation, person, role=Role.ADMIN, by=principal_of(admin))


def test_the_notice_stands_on_ones_own_page_only(client):
    _organisation, admin, person = invited()
    for visitor, seen in [(person, True), (admin, False), (None, False)]:
        client.force_login(visitor) if visitor else client.logout()
        page = client.get(f"/{person.username}").content.decode()
        assert ("/organisations/lab/invitation" in page) is seen


def test_answers_by_page(client):
    organisation, admin, person = invited()
    assert client.get("/organisations/invitations")["Location"].startswith("/login")
    client.force_login(UserFactory())
    assert client.post("/organisations/lab/invitation", {"answer": "accept"}).status_code == 404
    assert client.post(f"/organisations/lab/invitations/{person.username}/withdraw").status_code == 404
    client.force_login(person)
    assert client.post("/organisations/lab/invitation", {"answer": "perhaps"}).status_code == 400
    assert (
        client.post("/organisations/lab/invitation", {"answer": "decline"})["Location"] == "/organisations/invitations"
    )
    assert not organisation.memberships.filter(user=person).exists()
    client.force_login(admin)
    client.post("/organisations/lab/members/set", {"username": person.username, "role": "read"})
    assert "Invited, no answer yet" in client.get("/organisations/lab/members").content.decode()
    assert client.post(f"/organisations/lab/invitations/{person.username}/withdraw").status_code == 302
    assert not Invitation.objects.exists()


def test_who_leaves_lands_on_their_own_page(client):
    membership = MembershipFactory()
    name = membership.user.username
    client.force_login(membership.user)
    answer = client.post(f"/organisations/{membership.organisation.name}/members/{name}/remove")
    assert answer["Location"] == f"/{name}"
    assert client.get(answer["Location"]).status_code == 200
