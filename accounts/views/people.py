"""Sign-up, log-in, organisations."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import selectors
from accounts.enums import Role
from accounts.forms import LogInForm, MemberForm, OrganisationForm, OrganisationSettingsForm, SignUpForm
from accounts.models import Organisation
from accounts.rules import may_administer_namespace
from accounts.services import organisations, people
from common.errors import Invalid, NotFound, Refusal

log_in = LoginView.as_view(
    template_name="accounts/login.html", authentication_form=LogInForm, redirect_authenticated_user=True
)
log_out = LogoutView.as_view()


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        try:
            user = people.sign_up(**form.cleaned_data)
        except Refusal as refusal:
            form.add_error("password" if refusal.code == "weak_password" else "username", str(refusal))
        else:
            login(request, user)
            after = request.GET.get("next", "")
            if url_has_allowed_host_and_scheme(after, allowed_hosts={request.get_host()}):
                return redirect(after)
            messages.success(request, _("Welcome. This is your page."))
            return redirect(user.namespace)
    return render(request, "accounts/sign_up.html", {"form": form})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_create(request: HttpRequest) -> HttpResponse:
    form = OrganisationForm(request.POST or None)
    if form.is_valid():
        try:
            organisation = organisations.create_organisation(by=request.principal, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error("name", str(refusal))
        else:
            return redirect("organisation_members", name=organisation.name)
    return render(request, "accounts/organisation_create.html", {"form": form})


@login_required
@require_safe
def organisation_members(request: HttpRequest, name: str) -> HttpResponse:
    organisation = get_object_or_404(selectors.organisations_of(request.user), name__iexact=name)
    may_administer = may_administer_namespace(request.principal, organisation.namespace)
    context = {
        "organisation": organisation,
        "members": selectors.members_of(organisation),
        "invitations": selectors.invitations_to(organisation) if may_administer else [],
        "may_administer": may_administer,
        "form": MemberForm(),
        "settings_form": OrganisationSettingsForm(
            initial={"is_private_by_default": organisation.is_private_by_default}
        ),
    }
    return render(request, "accounts/organisation_members.html", context)


@login_required
@require_POST
def organisation_settings(request: HttpRequest, name: str) -> HttpResponse:
    organisation = get_object_or_404(selectors.organisations_of(request.user), name__iexact=name)
    form = OrganisationSettingsForm(request.POST)
    if form.is_valid():
        is_private = form.cleaned_data["is_private_by_default"]
        organisations.set_private_by_default(organisation, is_private, by=request.principal)
        messages.success(request, _("The settings are saved."))
    return redirect("organisation_members", name=organisation.name)


@login_required
@require_POST
def member_set(request: HttpRequest, name: str) -> HttpResponse:
    organisation = get_object_or_404(selectors.organisations_of(request.user), name__iexact=name)
    form = MemberForm(request.POST)
    user = selectors.user_named(request.POST.get("username", ""))
    if user is None:
        messages.error(request, _("There is nobody of that name. Ask them to sign up first."))
    elif form.is_valid():
        role = Role(form.cleaned_data["role"])
        if selectors.members_of(organisation).filter(user=user).exists():
            organisations.set_role(organisation, user, role=role, by=request.principal)
        else:
            organisations.invite(organisation, user, role=role, by=request.principal)
            messages.success(
                request, _("%(name)s is invited, and becomes a member by accepting.") % {"name": user.username}
            )
    return redirect("organisation_members", name=organisation.name)


@login_required
@never_cache
@require_safe
def invitation_list(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitations.html", {"invitations": selectors.invitations_of(request.user)})


@login_required
@require_POST
def invitation_answer(request: HttpRequest, name: str) -> HttpResponse:
    """The invited person's answer, `accept` or `decline`."""
    invitation = get_object_or_404(selectors.invitations_of(request.user), organisation__name__iexact=name)
    organisation, answer = invitation.organisation, request.POST.get("answer")
    if answer == "accept":
        organisations.accept_invitation(organisation, by=request.principal)
        messages.success(request, _("You are a member of %(name)s.") % {"name": organisation.name})
        return redirect("organisation_members", name=organisation.name)
    if answer != "decline":
        raise Invalid(_("Accept or decline."))
    organisations.decline_invitation(organisation, by=request.principal)
    messages.success(request, _("You declined. Nothing ties you to %(name)s.") % {"name": organisation.name})
    return redirect("invitation_list")


@login_required
@require_POST
def invitation_withdraw(request: HttpRequest, name: str, username: str) -> HttpResponse:
    organisation = get_object_or_404(selectors.organisations_of(request.user), name__iexact=name)
    invitation = get_object_or_404(selectors.invitations_to(organisation), user__username__iexact=username)
    organisations.withdraw_invitation(organisation, invitation.user, by=request.principal)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("organisation_members", name=organisation.name)


@login_required
@require_POST
def member_remove(request: HttpRequest, name: str, username: str) -> HttpResponse:
    organisation = get_object_or_404(Organisation, name__iexact=name)
    user = selectors.user_named(username)
    if user is None or not selectors.members_of(organisation).filter(user=user).exists():
        raise NotFound(_("There is no such member."))
    organisations.remove_member(organisation, user, by=request.principal)
    if user == request.user:
        # The page of the members is closed to who left.
        messages.success(request, _("You have left %(name)s.") % {"name": organisation.name})
        return redirect(request.user.namespace)
    return redirect("organisation_members", name=organisation.name)
