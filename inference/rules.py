"""May this person ask for pictures, with this model, at these costs?"""

from accounts.enums import Permission
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_spend_for
from accounts.selectors import reachable_namespaces
from hub.models import Repository
from inference.models import Generation
from inference.selectors import may_see_generations
from licensing.algorithms.licences import Commercial, facts_of


def may_generate(principal: Principal, billed: Namespace) -> bool:
    """Needs a session, a write token or the permission, and a role that may spend under the name that pays."""
    return may_spend_for(principal, billed, Permission.INFERENCE)


def may_give_images(principal: Principal) -> bool:
    """Needs what asking for pictures needs, under any name."""
    return may_see_generations(principal) and reachable_namespaces(principal, Permission.INFERENCE).exists()


def may_change(principal: Principal, generation: Generation) -> bool:
    """Cancel it, show or hide its pictures."""
    allowed = principal.allows(Permission.INFERENCE, generation.billed)
    return may_see_generations(principal) and allowed and principal.user == generation.owner


def needs_grant_of_use(billed: Namespace, repository: Repository, licence: str) -> bool:
    """An organisation needs one for models of others whose licence forbids commerce, or says nothing known.

    A person under their own name draws for research and for themselves.
    """
    if not billed.is_organisation or repository.namespace_id == billed.pk:
        return False
    return facts_of(licence).commercial in {Commercial.NO, Commercial.UNKNOWN}


def may_keep_albums(principal: Principal) -> bool:
    """Albums and likes belong to the person as a whole: a session or a write token."""
    return principal.may_manage
