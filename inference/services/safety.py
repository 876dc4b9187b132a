"""Putting a policy in force, and saying one's age."""

import json
from difflib import unified_diff

from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from hub.enums import RepositoryKind
from hub.selectors import head_commit, repository_for
from inference.algorithms.policy import MAX_AGE, BadPolicy, Classifier, default_policy, read_policy
from inference.models import AgeStatement, SafetyPolicy


@transaction.atomic
def adopt(text: str, *, reason: str, by: Principal) -> SafetyPolicy:
    """From now on this policy holds, for what is asked from now on.

    One at a time, also when several staff do so at once. Raises Forbidden, Invalid for what is no policy or names a
    model that is not there, Conflict for a version that was in force before.
    """
    _lock()
    if by.user is None or not by.is_staff:
        raise Forbidden(_("Only staff put a policy in force."))
    try:
        policy = read_policy(text)
    except BadPolicy as error:
        raise Invalid(str(error), hint=_("Correct it and send it again."), field="text") from error
    if not reason.strip():
        raise Invalid(_("Say why: the reason is shown to everybody."), field="reason")
    if policy.classifier is not None:
        _check_classifier(policy.classifier, by)
    used = {default_policy().version, *SafetyPolicy.objects.values_list("version", flat=True)}
    if policy.version in used:
        raise Conflict(
            _("Version %(version)s was in force already.") % {"version": policy.version},
            hint=_("Give it a new version."),
        )
    row = SafetyPolicy.objects.create(version=policy.version, text=text, reason=reason.strip(), adopted_by=by.user)
    audit.record("policy.adopted", str(row), actor=by.user, reason=row.reason)
    return row


@transaction.atomic
def state_age(years: int, *, by: Principal) -> AgeStatement:
    """Say that one is at least so old, or, with 0, take it back. Raises Forbidden, Invalid."""
    if by.user is None or not by.may_manage:
        raise Forbidden(_("Log in to say your age."))
    if not 0 <= years <= MAX_AGE:
        raise Invalid(_("Choose one of the ages of the policy."), field="years")
    row, _made = AgeStatement.objects.update_or_create(user=by.user, defaults={"years": years})
    audit.record("age.stated", str(row), actor=by.user, years=years)
    return row


def changes(old: str, new: str) -> list[str]:
    """Lines of a unified diff between two policies, however they were indented."""
    before, after = (json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines() for text in (old, new))
    return list(unified_diff(before, after, lineterm="", n=2))[2:]


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('safety policy', 0))")


def _check_classifier(classifier: Classifier, by: Principal) -> None:
    """It must be public: everybody may look at what looks at their pictures."""
    found = repository_for(by, RepositoryKind.MODEL, classifier.model)
    if found.is_private or found.is_gated:
        raise Invalid(
            _("The classifier %(model)s is not public.") % {"model": classifier.model},
            hint=_("Make it public first: people may look at what looks at their pictures."),
            field="text",
        )
    if head_commit(found, classifier.commit) != classifier.commit:
        raise Invalid(
            _("%(model)s has no version %(revision)s.") % {"model": classifier.model, "revision": classifier.commit},
            hint=_("Name the full commit of one of its versions."),
            field="text",
        )
    if found.pipeline_tag != "image-classification":
        raise Invalid(
            _("%(model)s is no model that classifies pictures.") % {"model": classifier.model},
            hint=_("Its card or configuration must name the task image-classification."),
            field="text",
        )
