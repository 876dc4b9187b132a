"""What an application learns about a person, by the scopes that the person agreed to."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from accounts.enums import OAuthScope
from accounts.models import User
from accounts.selectors import memberships_of


def claims_of(user: User, scopes: Sequence[str]) -> dict[str, Any]:
    """Claims of OpenID Connect, and those that clients of the public Hub know."""
    claims: dict[str, Any] = {"sub": f"{user.pk:024x}"}
    if OAuthScope.PROFILE in scopes:
        claims |= {
            "name": user.get_full_name(),
            "preferred_username": user.username,
            "profile": f"{settings.BASE_URL}/{user.username}",
            "picture": "",
            "website": "",
            "isPro": False,
            "canPay": False,
            "orgs": [
                {
                    "sub": f"{membership.organisation.namespace.pk:024x}",
                    "name": membership.organisation.full_name or membership.organisation.name,
                    "preferred_username": membership.organisation.name,
                    "picture": "",
                    "isEnterprise": False,
                    "canPay": False,
                    "roleInOrg": membership.role,
                }
                for membership in memberships_of(user)
            ],
        }
    if OAuthScope.EMAIL in scopes:
        claims |= {"email": user.email, "email_verified": False}
    return claims
