from django.urls import path

from accounts.api import oauth
from accounts.views import applications, devices, identity, people, tokens

urlpatterns = [
    path("login", people.log_in, name="login"),
    path("logout", people.log_out, name="logout"),
    path("sign-up", people.sign_up, name="sign_up"),
    path("settings/tokens", tokens.token_list, name="token_list"),
    path("settings/tokens/<int:token_id>/revoke", tokens.token_revoke, name="token_revoke"),
    path("settings/tokens/<int:token_id>/limits", tokens.token_limits, name="token_limits"),
    path("settings/tokens/<int:token_id>/renew", tokens.token_renew, name="token_renew"),
    path("settings/applications", applications.application_list, name="application_list"),
    path("settings/applications/<str:client_id>", applications.application_page, name="application"),
    path("settings/applications/<str:client_id>/secret", applications.application_secret, name="application_secret"),
    path("settings/applications/<str:client_id>/delete", applications.application_delete, name="application_delete"),
    path("settings/connected-apps", applications.connection_list, name="connection_list"),
    path("settings/connected-apps/<str:client_id>/disconnect", applications.disconnect, name="disconnect"),
    path("settings/identity", identity.identity_page, name="identity"),
    path("settings/identity/orcid/start", identity.orcid_start, name="orcid_start"),
    path("settings/identity/orcid", identity.orcid_return, name="orcid_return"),
    path("device", devices.device_page, name="device"),
    path("oauth/authorize", applications.authorise, name="oauth_authorize"),
    path("oauth/device", oauth.device, name="oauth_device"),
    path("oauth/token", oauth.token, name="oauth_token"),
    path("oauth/revoke", oauth.revoke, name="oauth_revoke"),
    path("oauth/userinfo", oauth.userinfo, name="oauth_userinfo"),
    path(".well-known/openid-configuration", oauth.configuration, name="openid_configuration"),
    path(".well-known/oauth-authorization-server", oauth.configuration),
    path("organisations/new", people.organisation_create, name="organisation_create"),
    path("organisations/invitations", people.invitation_list, name="invitation_list"),
    path("organisations/<str:name>/invitation", people.invitation_answer, name="invitation_answer"),
    path(
        "organisations/<str:name>/invitations/<str:username>/withdraw",
        people.invitation_withdraw,
        name="invitation_withdraw",
    ),
    path("organisations/<str:name>/members", people.organisation_members, name="organisation_members"),
    path("organisations/<str:name>/settings", people.organisation_settings, name="organisation_settings"),
    path("organisations/<str:name>/members/set", people.member_set, name="member_set"),
    path("organisations/<str:name>/members/<str:username>/remove", people.member_remove, name="member_remove"),
]
