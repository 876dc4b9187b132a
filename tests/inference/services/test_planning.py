"""Which tasks a model does, what they need, which LoRAs fit, what is refused and by which name."""

import pytest

from accounts.principal import Principal
from common.errors import Forbidden, NotFound
from hub.errors import GatedRepository
from hub.services import repositories
from inference import selectors
from inference.algorithms import pricing
from inference.enums import Task
from inference.errors import Unprocessable
from inference.models import Generation
from inference.services import generations, planning
from inference.services.planning import LoraWanted, Wanted
from tests.factories import hub
from tests.factories.accounts import OrganisationFactory, UserFactory
from tests.factories.inference import buy_credits, generation, given, grant_of_use, lora, model, published

pytestmark = pytest.mark.django_db
CLASSIC = "StableDiffusionPipeline"


def plan(person, repository, **facts):
    return planning.plan(Principal(user=person), Wanted("a red circle", **facts), model=repository.full_name)


def refusal(person, repository, **facts):
    with pytest.raises(Unprocessable) as caught:
        plan(person, repository, **facts)
    return caught.value.context["field"]


def test_the_task_follows_from_what_is_given():
    person = UserFactory()
    drawing, editing = model(pipeline=CLASSIC), model(pipeline="StableDiffusionInstructPix2PixPipeline")
    image, mask = given(person), given(person, "mask")
    assert plan(person, drawing).parameters["task"] == Task.TEXT_TO_IMAGE
    assert plan(person, drawing, image=image).parameters["task"] == Task.IMAGE_TO_IMAGE
    assert plan(person, drawing, image=image, mask=mask).parameters["task"] == Task.INPAINTING
    edit = plan(person, editing, image=image).parameters
    assert (edit["task"], edit["strength"], edit["image_guidance"]) == (Task.EDITING, None, 1.5)


def test_a_model_is_asked_only_for_what_it_does():
    person = UserFactory()
    image, mask = given(person), given(person, "mask")
    filling, editing = model(pipeline="StableDiffusionInpaintPipeline"), model(pipeline="FluxPipeline")
    assert refusal(person, filling) == "task"
    assert refusal(person, filling, image=image) == "task"
    assert plan(person, filling, image=image, mask=mask).parameters["strength"] == 1.0
    assert refusal(person, editing, image=image) == "task"
    assert refusal(person, editing, task="editing", image=image) == "task"
    assert refusal(person, editing, task="knitting") == "task"
    assert refusal(person, model(pipeline="UnheardOfPipeline")) == "task"
    assert refusal(person, editing, negative_prompt="blue") == "negative_prompt"


def test_images_that_do_not_belong_to_the_task_are_refused_by_name():
    person, repository = UserFactory(), model(pipeline=CLASSIC)
    image, mask = given(person), given(person, "mask")
    cases = [
        ({"task": "image_to_image"}, "image"),
        ({"task": "inpainting", "image": image}, "mask"),
        ({"task": "text_to_image", "image": image}, "image"),
        ({"task": "image_to_image", "image": image, "mask": mask}, "mask"),
        ({"image": mask}, "image"),
        ({"image": given(UserFactory(), colour=(1, 2, 3))}, "image"),
        ({"image": image, "mask": given(person, "mask", size=(32, 16))}, "mask"),
        ({"strength": 0.5}, "strength"),
        ({"image_guidance": 2.0}, "image_guidance"),
        ({"image": image, "image_guidance": 2.0}, "image_guidance"),
        ({"image": image, "strength": 1.5}, "strength"),
        ({"image": image, "strength": 0.1}, "strength"),
        ({"scheduler": "flow_euler"}, "scheduler"),
        ({"scheduler": "nonsense"}, "scheduler"),
    ]
    for facts, field in cases:
        assert refusal(person, repository, **facts) == field, facts


def test_samplers_follow_the_kind_of_model():
    person = UserFactory()
    assert plan(person, model(), scheduler="flow_heun").parameters["scheduler"] == "flow_heun"
    assert plan(person, model(pipeline=CLASSIC), scheduler="dpmpp_2m").parameters["scheduler"] == "dpmpp_2m"
    assert refusal(person, model(), scheduler="ddim") == "scheduler"


def test_without_a_size_the_images_own_is_taken_as_near_as_the_model_can():
    person, repository = UserFactory(), model(pipeline=CLASSIC)
    settled = plan(person, repository, image=given(person, size=(45, 30))).parameters
    assert (settled["width"], settled["height"]) == (48, 32)
    settled = plan(person, repository, image=given(person), width=64, height=24).parameters
    assert (settled["width"], settled["height"]) == (64, 24)


def test_redrawing_costs_the_steps_that_are_computed():
    person, repository = UserFactory(), model(pipeline=CLASSIC)
    settled = plan(person, repository, image=given(person), steps=10, strength=0.35, guidance=1.0)
    assert settled.parameters["steps_taken"] == 3
    assert settled.price == pricing.price(currency="eur", width=16, height=16, rounds=3, count=1)


def test_only_an_image_that_is_redrawn_needs_no_words_and_then_no_guidance():
    person, repository = UserFactory(), model(pipeline=CLASSIC)
    by, image = Principal(user=person), given(person)

    def wordless(**facts):
        return planning.plan(by, Wanted("", **facts), model=repository.full_name).parameters

    assert wordless(image=image)["guidance"] == 1.0
    assert wordless(image=image, negative_prompt="blue")["guidance"] == 2.0
    assert wordless(image=image, guidance=4.0)["guidance"] == 4.0
    for facts in ({}, {"image": image, "mask": given(person, "mask")}):
        with pytest.raises(Unprocessable, match="prompt is empty"):
            wordless(**facts)


def test_an_image_is_enlarged_as_far_as_the_model_does():
    person = UserFactory()
    pixels, latents = model(pipeline="IFSuperResolutionPipeline"), model(pipeline="StableDiffusionUpscalePipeline")
    small, square = given(person, size=(12, 12)), given(person)
    settled = plan(person, pixels, image=small).parameters
    assert (settled["task"], settled["width"], settled["height"]) == (Task.UPSCALE, 16, 16)
    assert (settled["noise_level"], settled["strength"], settled["steps_taken"]) == (250, None, 4)
    settled = plan(person, pixels, image=square, width=32, height=32, noise_level=50).parameters
    assert (settled["width"], settled["height"], settled["noise_level"]) == (32, 32, 50)
    assert planning.plan(Principal(user=person), Wanted("", image=small), model=pixels.full_name)
    twice = [plan(person, pixels, image=given(person, size=size)).parameters for size in ((16, 16), (64, 32))]
    assert [(one["width"], one["height"]) for one in twice] == [(32, 32), (128, 64)]
    for facts in (
        {"image": given(person, size=(128, 128))},
        {"image": small, "width": 8, "height": 8},
    ):
        assert refusal(person, pixels, **facts) == "image", facts
    for field, facts in (
        ("noise_level", {"noise_level": 1000}),
        ("strength", {"strength": 0.5}),
        ("scheduler", {"scheduler": "flow_euler"}),
        ("width", {"width": 30}),
    ):
        assert refusal(person, pixels, image=small, **facts) == field
    assert refusal(person, latents, image=small, noise_level=351) == "noise_level"
    assert refusal(person, pixels) == "task"
    assert refusal(person, model(pipeline=CLASSIC), image=small, noise_level=5) == "noise_level"


def test_latents_are_enlarged_by_one_factor_only():
    person, repository = UserFactory(), model(pipeline="StableDiffusionUpscalePipeline")
    hub.put(
        repository,
        {"vae/config.json": b'{"block_out_channels": [8, 8]}'},
        by=hub.as_principal(repository.namespace.user),
    )
    settled = plan(person, repository, image=given(person, size=(12, 9))).parameters
    assert (settled["width"], settled["height"], settled["noise_level"]) == (24, 16, 20)
    assert refusal(person, repository, image=given(person), width=64) == "width"
    assert refusal(person, repository, image=given(person, size=(1030, 32))) == "image"


def test_enlarging_costs_every_step_of_the_larger_picture():
    person, repository = UserFactory(), model(pipeline="IFSuperResolutionPipeline")
    settled = plan(person, repository, image=given(person), width=128, height=128, steps=10, guidance=3.0)
    assert settled.price == pricing.price(currency="eur", width=128, height=128, rounds=20, count=1)


def test_flux_computes_each_step_once_whatever_its_guidance():
    flux = model(pipeline="FluxPipeline")
    plain, guided = (plan(UserFactory(), flux, guidance=number, steps=20).price for number in (1.0, 3.5))
    assert guided == plain


def test_an_edit_without_image_guidance_is_computed_and_paid_once():
    person, editing = UserFactory(), model(pipeline="StableDiffusionInstructPix2PixPipeline")
    facts = {"image": given(person), "guidance": 7.0, "steps": 20}
    low, none = (plan(person, editing, image_guidance=number, **facts).price for number in (0.5, 0.0))
    assert none == low


def test_fewer_steps_than_the_models_scheduler_can_begin_with_are_refused():
    person = UserFactory()
    shifted = model(
        more={
            "scheduler/scheduler_config.json": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift_terminal": 0.1}
        }
    )
    assert refusal(person, shifted, steps=1) == "steps"
    assert refusal(person, shifted, steps=1, scheduler="flow_euler") == "steps"
    for facts in ({"steps": 2}, {"steps": 1, "scheduler": "flow_heun"}):
        assert plan(person, shifted, **facts).price
    begins = model(pipeline=CLASSIC, more={"scheduler/scheduler_config.json": {"_class_name": "PNDMScheduler"}})
    assert refusal(person, begins, steps=3) == "steps"
    assert plan(person, begins, steps=4).price


def test_a_lora_that_fits_is_settled_with_version_and_licence():
    person, repository, adapter = UserFactory(), model(pipeline=CLASSIC), lora(licence="cc-by-4.0")
    (settled,) = plan(person, repository, loras=(LoraWanted(adapter.full_name, 0.5),)).loras
    assert (settled.repository, settled.commit, settled.licence) == (adapter, adapter.head, "cc-by-4.0")
    made = generation(person, repository, loras=(LoraWanted(adapter.full_name, 0.5),))
    assert made.parameters["loras"] == [{"model": adapter.full_name, "revision": adapter.head, "scale": 0.5}]


def test_loras_that_do_not_fit_are_refused():
    person, repository, adapter = UserFactory(), model(pipeline=CLASSIC), lora()
    cases = [
        (model(), LoraWanted(adapter.full_name)),
        (repository, LoraWanted(lora(layer="lora_unet_down_to_q").full_name)),
        (repository, LoraWanted(model().full_name)),
        (repository, LoraWanted(adapter.full_name, revision="nowhere")),
        (repository, LoraWanted(adapter.full_name, scale=0)),
        (repository, LoraWanted(adapter.full_name, scale=99)),
    ]
    for base, wanted in cases:
        assert refusal(person, base, loras=(wanted,)) == "loras", wanted
    assert refusal(person, repository, loras=(LoraWanted(adapter.full_name),) * 2) == "loras"


def test_a_lora_is_asked_for_by_those_who_may_have_it():
    owner, person, repository = UserFactory(), UserFactory(), model(pipeline=CLASSIC)
    adapter = lora(owner, visibility="private")
    with pytest.raises(NotFound):
        plan(person, repository, loras=(LoraWanted(adapter.full_name),))
    assert plan(owner, repository, loras=(LoraWanted(adapter.full_name),)).loras
    gated = lora(owner)
    repositories.update_settings(gated, by=Principal(user=owner), gated="manual")
    with pytest.raises(GatedRepository):
        plan(person, repository, loras=(LoraWanted(gated.full_name),))


def test_an_organisation_needs_a_grant_of_use_for_a_lora_too():
    maker, buyer = UserFactory(), UserFactory()
    company = OrganisationFactory(admin=buyer).namespace
    buy_credits(company)
    repository, adapter = model(pipeline=CLASSIC), published(maker, make=lora, licence="cc-by-nc-4.0")
    wanted = Wanted("x", loras=(LoraWanted(adapter.full_name),))
    ask = {"model": repository.full_name, "billed": company}
    with pytest.raises(Forbidden) as caught:
        generations.request_generation(Principal(user=buyer), wanted, **ask)
    assert caught.value.code == "licence_needed"
    grant = grant_of_use(adapter, company, by=buyer)
    made = generations.request_generation(Principal(user=buyer), wanted, **ask)
    assert made.loras.get().grant_of_use == str(grant.pk)


def test_the_same_again_keeps_everything_and_another_persons_image_is_not_used():
    person, repository, adapter = UserFactory(), model(pipeline=CLASSIC), lora()
    facts = {"image": given(person), "strength": 0.6, "scheduler": "ddim", "seed": 3, "steps": 5}
    made = generation(person, repository, loras=(LoraWanted(adapter.full_name, 0.5),), **facts)
    made = selectors.own_generation_for(Principal(user=person), made.pk)
    again = planning.same_again(Principal(user=person), made)
    assert (again.image, again.strength, again.scheduler) == (made.image, 0.6, "ddim")
    assert again.loras == (LoraWanted(adapter.full_name, 0.5, adapter.head),)
    with pytest.raises(Unprocessable) as caught:
        planning.same_again(Principal(user=UserFactory()), made)
    assert caught.value.context["field"] == "image"


def test_the_same_key_with_another_image_is_another_request():
    person, repository = UserFactory(), model(pipeline=CLASSIC)
    key = {"idempotency_key": "k"}
    first = generation(person, repository, image=given(person), **key)
    assert generation(person, repository, image=given(person), **key) == first
    with pytest.raises(Exception, match="another request"):
        generation(person, repository, image=given(person, colour=(0, 0, 255)), **key)
    with pytest.raises(Exception, match="another request"):
        generation(person, repository, image=given(person), currency="usd", **key)
    assert Generation.objects.count() == 1


def test_lists_of_models_and_loras_are_apart():
    person, repository, adapter = UserFactory(), model(), lora()
    hub.put(
        adapter,
        {"README.md": b"---\npipeline_tag: text-to-image\ntags: [lora]\n---\n"},
        by=Principal(user=adapter.created_by),
    )
    assert list(selectors.models_for(Principal(user=person))) == [repository]
    assert list(selectors.loras_for(Principal(user=person))) == [adapter]
