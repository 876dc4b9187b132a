"""What an organisation makes of new repositories."""

import pytest
from django.core.management import CommandError, call_command

from accounts.enums import Role, TokenScope
from accounts.services import organisations
from common.errors import Forbidden
from common.models import AuditEntry
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory, principal_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("who", "allowed"), [("admin", True), ("writer", False), ("reader", False), ("stranger", False), ("staff", False)]
)
def test_only_administrators_change_it(who, allowed):
    admin = UserFactory()
    lab = OrganisationFactory(admin=admin)
    people = {
        "admin": admin,
        "writer": MembershipFactory(organisation=lab, role=Role.WRITE).user,
        "reader": MembershipFactory(organisation=lab).user,
        "stranger": UserFactory(),
        "staff": StaffFactory(),
    }

    if allowed:
        organisations.set_private_by_default(lab, True, by=principal_of(people[who]))
        assert AuditEntry.objects.get(action="organisation.settings").details == {"is_private_by_default": True}
    else:
        with pytest.raises(Forbidden):
            organisations.set_private_by_default(lab, True, by=principal_of(people[who]))
    with pytest.raises(Forbidden):
        organisations.set_private_by_default(lab, False, by=principal_of(admin, scope=TokenScope.READ))
    lab.refresh_from_db()
    assert lab.is_private_by_default == allowed


def test_the_command_does_it_for_who_runs_the_site(capsys):
    lab = OrganisationFactory(name="lab")

    call_command("set_organisation", "LAB", "--private-by-default", "yes")
    lab.refresh_from_db()

    assert lab.is_private_by_default
    assert "lab are private" in capsys.readouterr().out
    call_command("set_organisation", "lab", "--private-by-default", "no")
    lab.refresh_from_db()
    assert not lab.is_private_by_default
    with pytest.raises(CommandError):
        call_command("set_organisation", "nobody", "--private-by-default", "yes")
