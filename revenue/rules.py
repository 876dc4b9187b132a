"""May this principal close the books, or see what others earn?"""

from accounts.enums import TokenScope
from accounts.principal import Principal


def may_close_months(principal: Principal) -> bool:
    return principal.is_staff and principal.may_manage


def may_see_own_money(principal: Principal) -> bool:
    """A person by session or by a token of their own; a job's token sees no money."""
    return principal.user is not None and (principal.token is None or principal.token.scope != TokenScope.JOB)


def may_see_all_statements(principal: Principal) -> bool:
    return principal.is_staff
