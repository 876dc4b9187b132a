from accounts.models.applications import Application, Authorisation, DeviceLogin, RefreshToken
from accounts.models.people import Invitation, Membership, Namespace, Organisation, User, valid_name
from accounts.models.publishers import TrustedPublisher, UsedAssertion
from accounts.models.tokens import AccessToken, TokenGrant

__all__ = [
    "AccessToken",
    "Application",
    "Authorisation",
    "DeviceLogin",
    "Invitation",
    "Membership",
    "Namespace",
    "Organisation",
    "RefreshToken",
    "TokenGrant",
    "TrustedPublisher",
    "UsedAssertion",
    "User",
    "valid_name",
]
