"""The policy in force, those before it, and how old somebody says they are."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Forbidden
from inference.algorithms.policy import Policy, default_policy, read_policy
from inference.models import AgeStatement, Picture, SafetyPolicy


def policy_in_force() -> Policy:
    newest = SafetyPolicy.objects.only("text").first()
    return default_policy() if newest is None else read_policy(newest.text)


def policies() -> QuerySet[SafetyPolicy]:
    """Every one that was put in force here, the newest first."""
    return SafetyPolicy.objects.select_related("adopted_by")


def age_of(principal: Principal) -> int:
    """At least so many years; 0 where nothing was said."""
    if principal.user is None:
        return 0
    return AgeStatement.objects.filter(user=principal.user).values_list("years", flat=True).first() or 0


def shown_to(principal: Principal) -> Q:
    """Pictures that people show to everybody of the principal's age."""
    return Q(is_public=True, age__lte=age_of(principal))


def refuse_the_young(principal: Principal, picture: Picture) -> None:
    """Raises Forbidden where a picture is for older people than the principal says to be."""
    if picture.age > age_of(principal):
        raise Forbidden(
            _("This is shown to people of %(age)d years or more.") % {"age": picture.age},
            hint=_("Say how old you are at /policy."),
            code="age_needed",
        )
