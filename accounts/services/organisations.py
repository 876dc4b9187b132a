"""Organisations and who belongs to them."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import NamespaceKind, Role
from accounts.models import Membership, Namespace, Organisation, User
from accounts.principal import Principal
from accounts.rules import may_administer_namespace
from accounts.services.people import check_name_is_free
from common.errors import Conflict, Forbidden
from common.services import audit


@transaction.atomic
def create_organisation(name: str, *, by: Principal, full_name: str = "") -> Organisation:
    """The creator becomes its administrator."""
    if by.user is None or not by.may_manage:
        raise Forbidden(_("Log in to create an organisation."))
    check_name_is_free(name)
    organisation = Organisation(name=name, full_name=full_name)
    organisation.full_clean()
    organisation.save()
    Namespace.objects.create(name=name, kind=NamespaceKind.ORGANISATION, organisation=organisation)
    Membership.objects.create(organisation=organisation, user=by.user, role=Role.ADMIN)
    audit.record("organisation.created", f"org:{name}", actor=by)
    return organisation


@transaction.atomic
def set_member(organisation: Organisation, user: User, *, role: Role, by: Principal) -> Membership:
    """Add a person or change their role; the last administrator cannot step down."""
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not may_administer_namespace(by, organisation.namespace):
        raise Forbidden(_("Only an administrator of this organisation may change its members."))
    if role != Role.ADMIN:
        _keep_an_administrator(organisation, leaving=user)
    membership, _created = Membership.objects.update_or_create(
        organisation=organisation, user=user, defaults={"role": role}
    )
    audit.record("organisation.member_set", f"org:{organisation.name}", actor=by, member=user.username, role=role)
    return membership


@transaction.atomic
def remove_member(organisation: Organisation, user: User, *, by: Principal) -> None:
    """An administrator removes anybody; anybody removes themselves."""
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    leaves = by.user == user and by.may_manage
    if not leaves and not may_administer_namespace(by, organisation.namespace):
        raise Forbidden(_("Only an administrator of this organisation may remove others."))
    _keep_an_administrator(organisation, leaving=user)
    Membership.objects.filter(organisation=organisation, user=user).delete()
    audit.record("organisation.member_removed", f"org:{organisation.name}", actor=by, member=user.username)


@transaction.atomic
def set_private_by_default(organisation: Organisation, is_private: bool, *, by: Principal) -> Organisation:
    """Whether new repositories are private when nobody says. Raises Forbidden."""
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not may_administer_namespace(by, organisation.namespace):
        raise Forbidden(_("Only an administrator of this organisation may change its settings."))
    organisation.is_private_by_default = is_private
    organisation.save(update_fields=["is_private_by_default"])
    audit.record("organisation.settings", f"org:{organisation.name}", actor=by, is_private_by_default=is_private)
    return organisation


def _keep_an_administrator(organisation: Organisation, *, leaving: User) -> None:
    others = organisation.memberships.filter(role=Role.ADMIN).exclude(user=leaving)
    is_administrator = organisation.memberships.filter(role=Role.ADMIN, user=leaving).exists()
    if is_administrator and not others.exists():
        raise Conflict(
            _("This is the only administrator of the organisation."), hint=_("Name another administrator first.")
        )
