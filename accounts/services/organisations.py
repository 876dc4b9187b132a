"""Organisations and who belongs to them."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import NamespaceKind, Role
from accounts.models import Invitation, Membership, Namespace, Organisation, User
from accounts.principal import Principal
from accounts.rules import may_administer_namespace
from accounts.services.people import check_name_is_free
from common.errors import Conflict, Forbidden, NotFound
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
def invite(organisation: Organisation, user: User, *, role: Role, by: Principal) -> Invitation:
    """Ask a person to belong to it. Nothing follows from it before they accept; asking again changes the role asked."""
    _lock_to_administer(organisation, by)
    assert by.user is not None, "administrators are people"
    if Membership.objects.filter(organisation=organisation, user=user).exists():
        raise Conflict(_("This person is a member already."), hint=_("Change their role instead."))
    invitation, _created = Invitation.objects.update_or_create(
        organisation=organisation, user=user, defaults={"role": role, "invited_by": by.user}
    )
    audit.record("organisation.invited", f"org:{organisation.name}", actor=by, person=user.username, role=role)
    return invitation


@transaction.atomic
def accept_invitation(organisation: Organisation, *, by: Principal) -> Membership:
    """The person becomes a member in the role that they were asked for. Raises NotFound."""
    invitation = _own_invitation(organisation, by)
    membership, _created = Membership.objects.get_or_create(
        organisation=organisation, user=invitation.user, defaults={"role": invitation.role}
    )
    invitation.delete()
    audit.record("organisation.joined", f"org:{organisation.name}", actor=by, role=membership.role)
    return membership


@transaction.atomic
def decline_invitation(organisation: Organisation, *, by: Principal) -> None:
    """Raises NotFound."""
    _own_invitation(organisation, by).delete()
    audit.record("organisation.declined", f"org:{organisation.name}", actor=by)


@transaction.atomic
def withdraw_invitation(organisation: Organisation, user: User, *, by: Principal) -> None:
    _lock_to_administer(organisation, by)
    Invitation.objects.filter(organisation=organisation, user=user).delete()
    audit.record("organisation.invitation_withdrawn", f"org:{organisation.name}", actor=by, person=user.username)


@transaction.atomic
def set_role(organisation: Organisation, user: User, *, role: Role, by: Principal) -> Membership:
    """Change what a member may do; the last administrator cannot step down. Raises NotFound for others."""
    _lock_to_administer(organisation, by)
    membership = Membership.objects.filter(organisation=organisation, user=user).first()
    if membership is None:
        raise NotFound(_("There is no such member."), hint=_("Invite them first."))
    if role != Role.ADMIN:
        _keep_an_administrator(organisation, leaving=user)
    membership.role = role
    membership.save(update_fields=["role"])
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


def _lock_to_administer(organisation: Organisation, by: Principal) -> None:
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    if not may_administer_namespace(by, organisation.namespace):
        raise Forbidden(_("Only an administrator of this organisation may change its members."))


def _own_invitation(organisation: Organisation, by: Principal) -> Invitation:
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    if by.user is None or not by.may_manage:
        raise Forbidden(_("Only the person who is invited may answer."), hint=_("A token needs the scope “write”."))
    invitation = Invitation.objects.filter(organisation=organisation, user=by.user).select_related("user").first()
    if invitation is None:
        raise NotFound(_("There is no such invitation."), hint=_("It may have been answered or withdrawn."))
    return invitation


def _keep_an_administrator(organisation: Organisation, *, leaving: User) -> None:
    others = organisation.memberships.filter(role=Role.ADMIN).exclude(user=leaving)
    is_administrator = organisation.memberships.filter(role=Role.ADMIN, user=leaving).exists()
    if is_administrator and not others.exists():
        raise Conflict(
            _("This is the only administrator of the organisation."), hint=_("Name another administrator first.")
        )
