from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, User
from accounts.selectors import principal_of_token

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("create_user", *arguments, stdout=out)
    return out.getvalue().strip()


def test_it_prints_a_working_token_and_nothing_else():
    token = run("ada", "--token", "--staff", "--org", "lab")
    principal = principal_of_token(token)
    assert principal.user == User.objects.get(username="ada")
    assert principal.may_manage
    assert principal.is_staff
    assert Membership.objects.get().role == "admin"


def test_twice_is_an_error_unless_allowed():
    run("ada")
    with pytest.raises(CommandError, match="taken"):
        run("ada")
    assert run("ada", "--exist-ok", "--token").startswith("hf_")
    assert User.objects.count() == 1
