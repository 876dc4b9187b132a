from django.urls import path

from accounts import views

urlpatterns = [
    path("login", views.log_in, name="login"),
    path("logout", views.log_out, name="logout"),
    path("sign-up", views.sign_up, name="sign_up"),
    path("settings/tokens", views.token_list, name="token_list"),
    path("settings/tokens/<int:token_id>/revoke", views.token_revoke, name="token_revoke"),
    path("organisations/new", views.organisation_create, name="organisation_create"),
    path("organisations/<str:name>/members", views.organisation_members, name="organisation_members"),
    path("organisations/<str:name>/settings", views.organisation_settings, name="organisation_settings"),
    path("organisations/<str:name>/members/set", views.member_set, name="member_set"),
    path("organisations/<str:name>/members/<str:username>/remove", views.member_remove, name="member_remove"),
]
