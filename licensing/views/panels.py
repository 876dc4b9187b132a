"""What this room shows in pages of other rooms."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.enums import RepositoryKind
from hub.models import Repository
from licensing import rules
from licensing.algorithms.licences import Commercial, Duty, facts_of
from licensing.selectors import grants_visible_to, licence_conflicts, licence_id, offers_of
from licensing.selectors.credits import balances_of
from licensing.selectors.grants import grants_that_hold, licensees_of
from licensing.selectors.people import belongs_to

MAY_USE = {
    Commercial.YES: _("Yes, also in business."),
    Commercial.CONDITIONS: _("Yes; in business under the conditions of its licence."),
    Commercial.NO: _("For research and in private, yes. In business only with a commercial licence."),
    Commercial.UNKNOWN: _("Nobody has said. Ask its owner before you use it in business."),
}
OUTPUTS = {
    Commercial.YES: _("Yes, within the use restrictions, if it has any."),
    Commercial.CONDITIONS: _("Yes, under the conditions of its licence."),
    Commercial.NO: _("Not without a commercial licence."),
    Commercial.UNKNOWN: _("Nobody has said."),
}
CREDIT = {
    Duty.NOTHING: _("No, though it is good manners."),
    Duty.NOTICE: _("Yes: name it and keep its notices when you pass it on."),
    Duty.RESTRICTIONS: _("Yes, and pass its use restrictions on with it."),
    Duty.AGREEMENT: _("Yes, and pass its licence agreement on with it."),
    Duty.SHARE_ALIKE: _("Yes, and share what you build on it under the same licence."),
    Duty.UNKNOWN: _("To be safe, yes."),
}


def licence_panel(request: HttpRequest, repository: Repository, **context: object) -> str:
    """The licence in plain words, and how to get commercial rights."""
    if repository.kind not in {RepositoryKind.MODEL, RepositoryKind.DATASET}:
        return ""
    identifier = licence_id(repository)
    facts = facts_of(identifier)
    values = {
        "repository": repository,
        "identifier": identifier,
        "facts": facts,
        "may_use": MAY_USE[facts.commercial],
        "outputs": OUTPUTS[facts.outputs] if repository.kind == RepositoryKind.MODEL else "",
        "credit": CREDIT[facts.duty],
        "offers": list(offers_of(repository)),
        "own": [grant for grant in grants_visible_to(request.principal).filter(repository=repository) if grant.holds]
        if not request.principal.is_anonymous
        else [],
        "may_offer": rules.may_offer(request.principal, repository),
    }
    return render_to_string("licensing/licence_panel.html", values, request=request)


def licensees(request: HttpRequest, repository: Repository, **context: object) -> str:
    """How many hold a licence now, and what that means; names are on certificates, where holders wish it."""
    if not offers_of(repository) and not grants_that_hold(repository).exists():
        return ""
    return render_to_string("licensing/licensees.html", licensees_of(repository), request=request)


def conflict_notice(request: HttpRequest, repository: Repository, **context: object) -> str:
    """Above the card: its licence promises more than what it was made of allows."""
    conflicts = licence_conflicts(repository, request.principal)
    if not conflicts:
        return ""
    values = {"repository": repository, "conflicts": conflicts}
    return render_to_string("licensing/conflict_notice.html", values, request=request)


def inherit_hint(request: HttpRequest, repository: Repository, **context: object) -> str:
    """While somebody names who made the next version: which licence its sources suggest."""
    suggested = sorted({one.licence for one in licence_conflicts(repository, request.principal)})
    return render_to_string("licensing/inherit_hint.html", {"suggested": suggested}) if suggested else ""


def credits_panel(request: HttpRequest, namespace: Namespace, **context: object) -> str:
    """What is left of the generation credits, for the people of this name."""
    if namespace.pk not in belongs_to(request.principal):
        return ""
    balances = [(amount, currency) for currency, amount in balances_of(namespace).items() if amount]
    values = {
        "namespace": namespace,
        "balances": balances,
        "may_buy": rules.may_buy_for(request.principal, namespace),
    }
    return render_to_string("licensing/credits_panel.html", values, request=request)
