"""May this principal close the books?"""

from accounts.principal import Principal


def may_close_months(principal: Principal) -> bool:
    return principal.is_staff and principal.may_manage
