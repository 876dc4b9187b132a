"""Signing up."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import RESERVED_NAMES, NamespaceKind
from accounts.models import Namespace, User, valid_name
from common.errors import Conflict, Invalid
from common.services import audit


def check_name_is_free(name: str) -> None:
    """Raises Invalid or Conflict when nobody may take this name."""
    try:
        valid_name(name)
    except ValidationError as error:
        raise Invalid(error.messages[0], code="bad_name") from error
    taken = name.lower() in RESERVED_NAMES or Namespace.objects.filter(name__iexact=name).exists()
    if taken:
        raise Conflict(_("This name is taken."), hint=_("Choose another name."), code="name_taken")


@transaction.atomic
def sign_up(
    username: str, *, password: str | None, email: str = "", full_name: str = "", is_staff: bool = False
) -> User:
    """Create a person and the namespace of the same name. Without a password they log in by token only."""
    check_name_is_free(username)
    user = User(username=username, email=email, full_name=full_name, is_staff=is_staff, is_superuser=is_staff)
    if password is None:
        user.set_unusable_password()
    else:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise Invalid(" ".join(error.messages), code="weak_password") from error
        user.set_password(password)
    user.full_clean(exclude=["password"])
    user.save()
    Namespace.objects.create(name=username, kind=NamespaceKind.USER, user=user)
    audit.record("person.signed_up", f"user:{username}", actor=user)
    return user
