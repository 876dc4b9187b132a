"""Words instead of a mask: what is settled before anything is written, and who may search with which model."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.principal import Principal
from common.errors import Forbidden, NotFound
from hub.errors import GatedRepository
from hub.services import repositories
from inference.algorithms import pricing
from inference.enums import GenerationState, Task
from inference.errors import Unprocessable
from inference.models import Generation
from inference.selectors import finders_for
from inference.services import generations, planning
from inference.services.planning import Wanted
from inference.services.searching import SearchWanted
from tests.factories.accounts import OrganisationFactory, UserFactory
from tests.factories.inference import buy_credits, finder, generation, given, grant_of_use, lora, model, published

pytestmark = pytest.mark.django_db
CLASSIC = "StableDiffusionPipeline"


@pytest.fixture
def person():
    return UserFactory()


def plan(person, repository, search, **facts):
    facts = {"image": given(person), "search": search} | facts
    return planning.plan(Principal(user=person), Wanted("a blue circle", **facts), model=repository.full_name)


def test_words_fill_what_they_find_at_the_price_of_one_more_round(person):
    painter, eyes = model(pipeline=CLASSIC), finder(licence="mit")
    by_words = plan(person, painter, SearchWanted(" red circle ", eyes.full_name, grow_mask=3))
    assert (by_words.parameters["task"], by_words.parameters["search"]) == (Task.INPAINTING, "red circle")
    assert by_words.parameters["mask"] is None
    found = by_words.search
    assert (found.repository, found.commit, found.licence, found.grow_mask) == (eyes, eyes.head, "mit", 3)
    painted = plan(person, painter, None, mask=given(person, "mask"))
    one_round = pricing.search_price(currency="eur", width=16, height=16)
    assert (found.price, by_words.price) == (one_round, painted.price + one_round)
    assert pricing.search_price(currency="eur", width=1000, height=1000) == 500


def test_without_a_name_it_is_the_sites_own(person, settings):
    painter, eyes = model(pipeline=CLASSIC), finder()
    with pytest.raises(Unprocessable, match="is chosen on this site") as refused:
        plan(person, painter, SearchWanted("red"))
    assert refused.value.context["field"] == "finder"
    settings.MODEL_ALIASES = {"finder": eyes.full_name}
    settled = plan(person, painter, SearchWanted("red")).search
    assert (settled.repository, settled.grow_mask) == (eyes, 5)


def test_what_cannot_be_searched_is_refused_by_name(person):
    painter, eyes = model(pipeline=CLASSIC), finder().full_name
    for search, facts, field in (
        (SearchWanted("  ", eyes), {}, "search"),
        (SearchWanted("a" * 201, eyes), {}, "search"),
        (SearchWanted("red\x00", eyes), {}, "search"),
        (SearchWanted("red", eyes, grow_mask=21), {}, "grow_mask"),
        (SearchWanted("red", eyes, grow_mask=-1), {}, "grow_mask"),
        (SearchWanted("red", eyes, revision="v9"), {}, "finder"),
        (SearchWanted("red", painter.full_name), {}, "finder"),
        (SearchWanted("red", lora().full_name), {}, "finder"),
        (SearchWanted("red", eyes), {"mask": given(person, "mask")}, "search"),
        (SearchWanted("red", eyes), {"task": "image_to_image"}, "search"),
        (SearchWanted("red", eyes), {"image": None}, "image"),
    ):
        with pytest.raises(Unprocessable) as refused:
            plan(person, painter, search, **facts)
        assert refused.value.context["field"] == field, (search, facts)
    with pytest.raises(Unprocessable) as refused:
        plan(person, model(pipeline="FluxPipeline"), SearchWanted("red", eyes))
    assert refused.value.code == "task_not_served"
    with pytest.raises(NotFound):
        plan(person, painter, SearchWanted("red", "no/thing"))


def test_a_finder_is_asked_for_by_those_who_may_have_it(person):
    owner, painter = UserFactory(), model(pipeline=CLASSIC)
    hidden, gated = finder(owner, visibility="private"), finder(owner)
    repositories.update_settings(gated, by=Principal(user=owner), gated="manual")
    with pytest.raises(NotFound):
        plan(person, painter, SearchWanted("red", hidden.full_name))
    with pytest.raises(GatedRepository):
        plan(person, painter, SearchWanted("red", gated.full_name))
    assert plan(owner, painter, SearchWanted("red", hidden.full_name)).search.repository == hidden
    assert list(finders_for(Principal(user=person))) == []
    assert set(finders_for(Principal(user=owner))) == {hidden, gated}


def test_an_organisation_needs_a_grant_of_use_for_the_finder_too():
    buyer, seller = UserFactory(), UserFactory()
    company = OrganisationFactory(admin=buyer).namespace
    buy_credits(company)
    painter, eyes = model(pipeline=CLASSIC), published(seller, make=finder, licence="cc-by-nc-4.0")
    asked = {"image": given(buyer), "search": SearchWanted("red", eyes.full_name), "billed": company}
    with pytest.raises(Forbidden, match=eyes.full_name):
        generation(buyer, painter, **asked)
    grant = grant_of_use(eyes, company, by=buyer)
    assert generation(buyer, painter, **asked).finder.grant_of_use == str(grant.pk)


def test_the_policy_judges_the_words_that_are_searched_together_with_the_prompt(person):
    painter, eyes = model(pipeline=CLASSIC), finder().full_name
    facts = {"image": given(person), "search": SearchWanted("the child", eyes)}
    assert generation(person, painter, prompt="a tree", **facts).state == GenerationState.QUEUED
    refused = generation(person, painter, prompt="somebody naked", **facts)
    assert (refused.state, refused.failure, refused.finder.model_name) == (GenerationState.REFUSED, "policy", eyes)


def test_a_key_stands_for_one_search(person):
    painter, eyes, image = model(pipeline=CLASSIC), finder().full_name, given(person)

    def ask(words):
        search = SearchWanted(words, eyes)
        return generation(person, painter, image=image, search=search, idempotency_key="k")

    assert ask("red") == ask("red")
    with pytest.raises(generations.Conflict, match="another request"):
        ask("blue")


def test_until_it_is_found_the_same_again_searches_with_the_same_version(person):
    eyes = finder()
    made = generation(
        person, model(pipeline=CLASSIC), image=given(person), search=SearchWanted("red", eyes.full_name, grow_mask=2)
    )
    again = planning.same_again(Principal(user=person), made)
    assert again.search == SearchWanted("red", eyes.full_name, eyes.head, 2)
    Generation.objects.filter(pk=made.pk).update(mask=given(person, "mask"))
    again = planning.same_again(Principal(user=person), Generation.objects.get(pk=made.pk))
    assert (again.search, again.mask) == (None, given(person, "mask"))


def test_the_database_keeps_masks_or_words_for_what_is_filled(person):
    made = generation(
        person, model(pipeline=CLASSIC), image=given(person), search=SearchWanted("red", finder().full_name)
    )
    for wrong in ({"search": ""}, {"task": "image_to_image"}, {"image": None}):
        with pytest.raises((IntegrityError, ValidationError)), transaction.atomic():
            Generation.objects.filter(pk=made.pk).update(**wrong)
