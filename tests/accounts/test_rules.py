import pytest

from accounts.enums import Role, TokenScope
from accounts.models import AccessToken
from accounts.principal import ANONYMOUS, Principal
from accounts.rules import may_administer_namespace, may_read_namespace, may_spend_for, may_write_namespace
from accounts.selectors import principal_of_token
from tests.factories.accounts import (
    MembershipFactory,
    OrganisationFactory,
    StaffFactory,
    UserFactory,
    job_token,
    principal_of,
)

pytestmark = pytest.mark.django_db
RULES = [may_read_namespace, may_write_namespace, may_spend_for, may_administer_namespace]


def answers(principal, namespace):
    return [rule(principal, namespace) for rule in RULES]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("anonymous", [False, False, False, False]),
        ("stranger", [False, False, False, False]),
        ("reader", [True, False, False, False]),
        ("writer", [True, True, True, False]),
        ("administrator", [True, True, True, True]),
        ("writer's read token", [True, False, False, False]),
        ("writer's write token", [True, True, True, False]),
        ("administrator's write token", [True, True, True, True]),
        ("administrator's read token", [True, False, False, False]),
        ("staff", [True, False, False, False]),
    ],
)
def test_who_may_do_what_in_an_organisation(who, expected):
    organisation = OrganisationFactory()
    role = (
        {"r": Role.READ, "w": Role.WRITE, "a": Role.ADMIN}[who[0]] if "token" in who or who[0] in "rw" else Role.ADMIN
    )
    member = MembershipFactory(organisation=organisation, role=role).user
    scope = TokenScope.READ if "read token" in who else TokenScope.WRITE
    principals = {
        "anonymous": lambda: ANONYMOUS,
        "stranger": lambda: Principal(user=UserFactory()),
        "staff": lambda: Principal(user=StaffFactory()),
    }
    default = (lambda: principal_of(member, scope=scope)) if "token" in who else (lambda: Principal(user=member))
    assert answers(principals.get(who, default)(), organisation.namespace) == expected


def test_a_job_writes_to_its_namespace_and_does_nothing_else():
    organisation = OrganisationFactory()
    member = MembershipFactory(organisation=organisation, role=Role.ADMIN).user
    principal = principal_of_token(job_token(member, namespace=organisation.namespace))
    assert answers(principal, organisation.namespace) == [True, True, False, False]
    assert answers(principal, member.namespace) == [False, False, False, False]
    assert not principal.may_manage
    assert not principal.is_staff


def test_the_hash_is_all_that_is_kept():
    token = job_token(UserFactory())
    row = AccessToken.objects.get()
    assert token not in [str(value) for value in vars(row).values()]
    assert row.hint == token[:7]
