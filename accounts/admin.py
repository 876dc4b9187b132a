from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin

from accounts.models import AccessToken, Membership, Namespace, Organisation, User


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    list_display = ["username", "full_name", "email", "is_staff"]
    search_fields = ["username", "full_name", "email"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["full_name", "email", "orcid"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
    ]
    readonly_fields = ["username"]

    def has_add_permission(self, request):
        return False  # a person needs a namespace: `manage.py create_user`


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    readonly_fields = ["user"]

    def has_add_permission(self, request, obj=None):
        return False  # nobody belongs to an organisation without having accepted its invitation


@admin.register(Organisation)
class OrganisationAdmin(admin.ModelAdmin):
    list_display = ["name", "full_name"]
    search_fields = ["name"]
    inlines = [MembershipInline]
    readonly_fields = ["name"]


@admin.register(Namespace)
class NamespaceAdmin(admin.ModelAdmin):
    list_display = ["name", "kind"]
    search_fields = ["name"]
    readonly_fields = ["name", "kind", "user", "organisation"]


@admin.register(AccessToken)
class AccessTokenAdmin(admin.ModelAdmin):
    list_display = ["user", "name", "hint", "scope", "expires_at", "revoked_at", "last_used_at"]
    readonly_fields = [field.name for field in AccessToken._meta.fields]  # noqa: SLF001 - Django's documented door
