"""Asking: who may, what it costs, what is refused and why."""

import pytest
from django.utils import timezone

from accounts.enums import Permission, Role, TokenScope
from accounts.models import Namespace
from accounts.principal import ANONYMOUS, Principal
from common.errors import Conflict, Forbidden, NotFound, PaymentRequired, TooManyRequests, Unauthenticated
from hub.errors import GatedRepository
from hub.models import Repository
from hub.services import access, repositories, versions
from inference import rules, selectors
from inference.enums import MOVES, Billing, GenerationState
from inference.errors import Unprocessable
from inference.models import Generation
from inference.services import generations
from inference.services.planning import Wanted
from tests.factories import hub
from tests.factories.accounts import (
    MembershipFactory,
    OrganisationFactory,
    UserFactory,
    fine_token,
    job_token,
    principal_of,
)
from tests.factories.inference import buy_credits, finish, generation, grant_of_use, model, published

pytestmark = pytest.mark.django_db


def ask(person, repository, *, principal=None, **facts):
    wanted = {name: facts.pop(name) for name in vars(Wanted("")) if name in facts}
    return generations.request_generation(
        principal or Principal(user=person),
        Wanted(**({"prompt": "a red circle"} | wanted)),
        model=repository.full_name,
        **facts,
    )


def test_a_person_draws_free_with_the_models_own_values():
    person = UserFactory()
    repository = model()
    made = ask(person, repository)
    assert (made.state, made.billing, made.price) == (GenerationState.QUEUED, Billing.FREE, 0)
    assert (made.steps, made.guidance, made.width, made.height, made.count) == (4, 2.0, 16, 16, 1)
    assert (made.commit, made.licence) == (repository.head, "apache-2.0")
    assert 0 <= made.seed < 2**32
    assert made.verdict["allowed"] is True


def test_without_a_seed_each_request_gets_its_own():
    person, repository = UserFactory(), model()
    assert ask(person, repository).seed != ask(person, repository).seed


def test_anonymous_read_tokens_and_job_tokens_may_not_draw():
    person, repository = UserFactory(), model()
    with pytest.raises(Unauthenticated):
        ask(person, repository, principal=ANONYMOUS)
    with pytest.raises(Forbidden):
        ask(person, repository, principal=principal_of(person, scope=TokenScope.READ))
    job_token(person)
    with pytest.raises(Forbidden):
        ask(person, repository, principal=Principal(user=person, token=person.tokens.get(scope="job")))


def test_a_private_model_of_others_is_not_there():
    repository = model(visibility="private")
    with pytest.raises(NotFound):
        ask(UserFactory(), repository)
    assert ask(repository.namespace.user, repository).state == GenerationState.QUEUED


NONSENSE = [
    ("prompt", " "),
    ("prompt", "x" * 4001),
    ("negative_prompt", "a\x00b"),
    ("seed", -1),
    ("seed", 2**32),
    ("steps", 0),
    ("steps", 201),
    ("guidance", -0.5),
    ("guidance", 31.0),
    ("width", 18),
    ("height", 4096),
    ("count", 0),
    ("count", 11),
]


def test_parameters_that_do_not_fit_are_refused_by_name():
    person, repository = UserFactory(), model()
    for field, value in NONSENSE:
        with pytest.raises(Unprocessable) as caught:
            ask(person, repository, **{field: value})
        assert caught.value.context["field"] == field


def test_a_repository_that_is_no_pipeline_is_refused():
    from tests.factories import hub

    with pytest.raises(Unprocessable):
        ask(UserFactory(), hub.repository(files={"README.md": b"# nothing"}))


def test_a_model_is_found_by_a_name_it_had_before():
    owner = UserFactory()
    repository = model(owner)
    old_name = repository.full_name
    repositories.move(repository, owner.namespace, "renamed", by=Principal(user=owner))
    made = generations.request_generation(Principal(user=owner), Wanted(prompt="x"), model=old_name)
    assert made.model_name == f"{owner.username}/renamed"


def test_an_unknown_revision_is_refused():
    with pytest.raises(Unprocessable, match="no version"):
        ask(UserFactory(), model(), revision="nowhere")


def test_a_prompt_against_the_policy_is_recorded_as_refused_and_not_sent():
    made = ask(UserFactory(), model(), prompt="a naked child")
    assert made.state == GenerationState.REFUSED
    assert made.verdict["category"] == "minors"
    assert made.sent_at is None


def test_the_daily_allowance_ends_and_credits_take_over(settings):
    settings.FREE_PICTURES_PER_DAY = 3
    person, repository = UserFactory(), model()
    ask(person, repository, count=2)
    assert selectors.free_pictures_left(person) == 1
    with pytest.raises(PaymentRequired, match="Buy credits"):
        ask(person, repository, count=2)
    buy_credits(person.namespace)
    paid = ask(person, repository, count=2)
    assert (paid.billing, paid.price) == (Billing.CREDITS, 2 * 1002)


def test_what_failed_does_not_use_up_the_allowance(settings):
    settings.FREE_PICTURES_PER_DAY = 1
    person, repository = UserFactory(), model()
    generations.cancel(ask(person, repository), by=Principal(user=person))
    assert ask(person, repository).billing == Billing.FREE


def test_credits_promised_to_generations_under_way_cannot_be_promised_twice(settings):
    settings.FREE_PICTURES_PER_DAY = 0
    person, repository = UserFactory(), model()
    buy_credits(person.namespace, amount=10_000)
    for _ in range(9):
        ask(person, repository)
    with pytest.raises(PaymentRequired):
        ask(person, repository)


def test_nobody_has_more_under_way_than_the_limit(settings):
    settings.PICTURES_UNDER_WAY = 3
    person, repository = UserFactory(), model()
    ask(person, repository, count=3)
    with pytest.raises(TooManyRequests) as caught:
        ask(person, repository)
    assert caught.value.context["retry_after"] > 0


def test_an_organisation_pays_by_credits_and_only_through_those_who_may_spend():
    person, stranger, reader = UserFactory(), UserFactory(), UserFactory()
    company = OrganisationFactory(admin=person)
    MembershipFactory(organisation=company, user=reader, role=Role.READ)
    repository = model()
    with pytest.raises(PaymentRequired):
        ask(person, repository, billed=company.namespace)
    buy_credits(company.namespace)
    assert ask(person, repository, billed=company.namespace).billing == Billing.CREDITS
    for other in (stranger, reader):
        with pytest.raises(Forbidden):
            ask(other, repository, billed=company.namespace)


def test_an_organisation_needs_a_grant_of_use_where_the_licence_forbids_commerce():
    maker, buyer = UserFactory(), UserFactory()
    company = OrganisationFactory(admin=buyer).namespace
    buy_credits(company)
    repository = published(maker, licence="cc-by-nc-4.0")
    with pytest.raises(Forbidden) as caught:
        ask(buyer, repository, billed=company)
    assert caught.value.code == "licence_needed"
    assert ask(buyer, repository).grant_of_use == ""
    grant = grant_of_use(repository, company, by=buyer)
    assert ask(buyer, repository, billed=company).grant_of_use == str(grant.pk)
    grant.ends_at = timezone.now()
    grant.save()
    with pytest.raises(Forbidden):
        ask(buyer, repository, billed=company)


def test_a_licence_without_later_versions_covers_those_that_it_names():
    maker, buyer = UserFactory(), UserFactory()
    company = OrganisationFactory(admin=buyer).namespace
    buy_credits(company)
    repository = published(maker, licence="cc-by-nc-4.0")
    grant = grant_of_use(repository, company, by=buyer, later_versions=False)
    first = repository.head
    hub.put(repository, {"wellspring.json": b'{"recipe": "other"}'}, by=Principal(user=maker))
    hub.put(repository, {"notes.txt": b"no version of its own"}, by=Principal(user=maker))
    repository.refresh_from_db()
    assert ask(buyer, repository, billed=company, revision=first).grant_of_use == str(grant.pk)
    grant.versions = [{"number": 1, "commit": first}]
    grant.save()
    assert ask(buyer, repository, billed=company).grant_of_use == str(grant.pk)  # the same files still
    versions.record_version(repository, repository.head, user=maker)
    with pytest.raises(Forbidden, match="does not cover this version"):
        ask(buyer, repository, billed=company)
    assert ask(buyer, repository, billed=company, revision=first).grant_of_use == str(grant.pk)


def test_a_version_keeps_the_licence_that_it_was_given_away_under():
    maker, buyer = UserFactory(), UserFactory()
    company = OrganisationFactory(admin=buyer).namespace
    buy_credits(company)
    repository = published(maker, licence="apache-2.0")
    first = repository.head
    hub.put(repository, {"README.md": b"---\nlicense: cc-by-nc-4.0\n---\n"}, by=Principal(user=maker))
    repository.refresh_from_db()
    with pytest.raises(Forbidden):
        ask(buyer, repository, billed=company)
    made = ask(buyer, repository, billed=company, revision=first)
    assert (made.licence, made.grant_of_use) == ("apache-2.0", "")


@pytest.mark.parametrize(("licence", "needed"), [("apache-2.0", False), ("cc-by-nc-4.0", True), ("home-made", True)])
def test_which_licences_need_a_grant(licence, needed):
    repository = Repository(namespace=Namespace(pk=1))
    assert rules.needs_grant_of_use(Namespace(pk=2, kind="org"), repository, licence) is needed
    assert not rules.needs_grant_of_use(Namespace(pk=1, kind="org"), repository, licence)
    assert not rules.needs_grant_of_use(Namespace(pk=3, kind="user"), repository, licence)


def test_the_same_key_gives_the_same_generation_and_another_request_under_it_is_refused():
    person, other, repository = UserFactory(), UserFactory(), model()
    first = ask(person, repository, idempotency_key="k")
    assert ask(person, repository, idempotency_key="k") == first
    assert ask(other, repository, idempotency_key="k") != first
    with pytest.raises(Conflict):
        ask(person, repository, prompt="a blue square", idempotency_key="k")
    assert Generation.objects.count() == 2


def test_a_key_that_was_used_where_a_token_does_not_reach_is_refused():
    person, repository = UserFactory(), model()
    organisation = MembershipFactory(user=person, role=Role.WRITE).organisation
    ask(person, repository, idempotency_key="k")
    fine_token(person, Permission.INFERENCE, namespaces=[organisation.namespace])
    small = Principal(user=person, token=person.tokens.get())
    buy_credits(organisation.namespace)
    with pytest.raises(Conflict):
        ask(person, repository, principal=small, billed=organisation.namespace, idempotency_key="k")
    made = ask(person, repository, principal=small, billed=organisation.namespace, idempotency_key="other")
    again = ask(person, repository, principal=small, billed=organisation.namespace, idempotency_key="other")
    assert made == again


def test_a_token_that_may_spend_for_one_name_alone_means_it():
    person, repository = UserFactory(), model()
    organisation = MembershipFactory(user=person, role=Role.WRITE).organisation
    other = MembershipFactory(user=person, role=Role.WRITE).organisation
    buy_credits(organisation.namespace)
    fine_token(person, Permission.INFERENCE, namespaces=[organisation.namespace])
    small = Principal(user=person, token=person.tokens.get())
    made = ask(person, repository, principal=small)
    assert (made.billed, made.billing) == (organisation.namespace, Billing.CREDITS)
    assert ask(person, repository).billed == person.namespace
    fine_token(person, Permission.INFERENCE, namespaces=[organisation.namespace, other.namespace])
    with pytest.raises(Forbidden):
        ask(person, repository, principal=Principal(user=person, token=person.tokens.latest("pk")))


def test_cancel_before_a_worker_took_it_up_ends_it_at_once():
    person = UserFactory()
    made = generation(person)
    assert generations.cancel(made, by=Principal(user=person)).state == GenerationState.CANCELLED
    with pytest.raises(Conflict):
        generations.cancel(made, by=Principal(user=person))


def test_only_the_owner_cancels_and_shows():
    person, staff = UserFactory(), UserFactory(is_staff=True)
    made = generation(person)
    for other in (UserFactory(), staff):
        with pytest.raises(Forbidden):
            generations.cancel(made, by=Principal(user=other))
    (picture,) = finish(made).pictures.all()
    for other in (UserFactory(), staff):
        with pytest.raises(Forbidden):
            generations.set_public(picture, public=True, by=Principal(user=other))
    assert generations.set_public(picture, public=True, by=Principal(user=person)).is_public
    assert not generations.set_public(picture, public=False, by=Principal(user=person)).is_public


@pytest.mark.parametrize("start", GenerationState)
@pytest.mark.parametrize("end", GenerationState)
def test_only_the_moves_of_the_table_are_made(start, end):
    made = Generation(state=start)
    if end in MOVES[start]:
        generations.move(made, end)
        assert (made.state, made.finished_at is not None) == (end, end.is_final)
    else:
        with pytest.raises(Conflict):
            generations.move(made, end)


def test_a_gated_model_draws_for_those_who_were_let_in():
    repository = model()
    owner, person = repository.created_by, UserFactory()
    repositories.update_settings(repository, by=Principal(user=owner), gated="manual")

    with pytest.raises(GatedRepository):
        ask(person, repository)
    assert repository not in selectors.models_for(Principal(user=person))
    access.grant(Repository.objects.get(pk=repository.pk), person, by=Principal(user=owner))

    assert ask(person, repository).state == GenerationState.QUEUED
    assert repository in selectors.models_for(Principal(user=person))
