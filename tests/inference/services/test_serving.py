"""What reaches the engine and what becomes of its answers, with a real engine in this process."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image

from accounts.principal import Principal
from hub.algorithms.usage import LORA_FILE
from hub.models import Block, Report
from hub.services import repositories, versions
from inference.algorithms import uploads
from inference.algorithms.policy import default_text
from inference.api import waiting
from inference.engine.engine import Engine
from inference.engine.requests import Result, Timings
from inference.enums import FailureCode, GenerationState
from inference.errors import Unprocessable
from inference.models import Generation, SafetyPolicy
from inference.selectors import credits_left, queue_position, seconds_until_ready
from inference.services import running, serving
from inference.services.planning import LoraWanted
from licensing.enums import GrantState
from revenue.models import RevenueLine
from tests.factories import hub
from tests.factories.accounts import OrganisationFactory, StaffFactory, UserFactory
from tests.factories.inference import buy_credits, card, drawn, finish, generation, given, grant_of_use, upload_pipeline
from tests.inference.engine.alone import drawn_alone, stock
from tests.inference.engine.conftest import Folders
from tests.inference.engine.test_lora import make_lora
from tests.inference.pipelines import add_safety_checker, save_diffusion_pipeline

pytestmark = pytest.mark.django_db
STOCK = {"image_to_image": "StableDiffusionImg2ImgPipeline", "inpainting": "StableDiffusionInpaintPipeline"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_diffusion_pipeline(tmp_path_factory.mktemp("diffusion") / "model")


@pytest.fixture
def source():
    return Folders()


@pytest.fixture
def engine(source, monkeypatch):
    with Engine(source) as made:
        monkeypatch.setattr(serving, "_engine", made)
        yield made


@pytest.fixture
def drawing(source, folder):
    """A model that draws, redraws and fills."""
    repository = upload_pipeline(UserFactory(), folder)
    source.folders[repository.full_name] = folder
    return repository


def ended(made):
    serving.serve(made.pk)
    made = Generation.objects.get(pk=made.pk)
    assert made.state == GenerationState.SUCCEEDED, made.failure_detail
    return made


def pixels(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def kept(picture):
    return pixels(uploads.opened(picture.path.read_bytes()))


def as_asked(made):
    return serving._request(made, None)


@pytest.mark.parametrize("task", list(STOCK))
def test_what_is_redrawn_or_filled_is_what_the_stock_pipeline_makes_of_it(engine, drawing, folder, task):
    person = UserFactory()
    mask = given(person, "mask") if task == "inpainting" else None
    facts = {"image": given(person), "mask": mask, "seed": 4, "steps": 6, "strength": 0.7, "scheduler": "euler"}
    made = ended(generation(person, drawing, **facts))
    assert (made.task, made.steps_done, made.steps_taken) == (task, 4, 4)
    (expected,) = drawn_alone(STOCK[task], folder, as_asked(made), output_type="pil")
    (picture,) = made.pictures.all()
    assert np.abs(kept(picture) - pixels(expected)).max() <= 1
    assert picture.parameters["strength"] == 0.7


def test_loras_reach_the_engine_with_their_scale(engine, drawing, folder, source, tmp_path):
    pipeline = stock("StableDiffusionPipeline", folder)
    made_folder = make_lora(pipeline, tmp_path / "adapter", ["unet"], rank=4, alpha=8, seed=1)
    files = {LORA_FILE: (made_folder / LORA_FILE).read_bytes(), "README.md": card()}
    adapter = hub.repository(UserFactory(), files=files)
    adapter.refresh_from_db()
    source.folders[adapter.full_name] = made_folder
    person = UserFactory()
    facts = {"seed": 4, "steps": 3, "guidance": 1.0}
    bare = ended(generation(person, drawing, **facts))
    with_it = ended(generation(person, drawing, loras=(LoraWanted(adapter.full_name, 0.8),), **facts))
    (before,), (after,) = bare.pictures.all(), with_it.pictures.all()
    assert np.abs(kept(before) - kept(after)).max() > 0
    use = {"model": adapter.full_name, "commit": adapter.head, "scale": 0.8}
    assert after.parameters["loras"] == [use]


def test_a_full_engine_sends_it_back_into_the_queue_with_the_seconds_it_named(engine, drawing):
    engine.max_waiting = 0
    made = generation(UserFactory(), drawing)
    for round_ in (1, 2, 3, 4):
        serving.serve(made.pk)
        made.refresh_from_db()
        assert (made.state, made.postponed, made.failure) == (GenerationState.QUEUED, round_, "")
        assert made.not_before > timezone.now()
        assert (queue_position(made), seconds_until_ready(made) >= 1) == (1, True)
        # Nobody takes it up earlier, and beat sends it again when the time has come.
        assert running.claim(made.pk) is None
        assert running.reconcile() == 0
        Generation.objects.filter(pk=made.pk).update(not_before=timezone.now())
        assert running.reconcile() == 1
    engine.max_waiting = 10
    ended(made)


def test_one_picture_that_finds_no_room_lets_the_others_not_be_drawn_in_vain(engine, drawing):
    engine.max_waiting = 1
    made = generation(UserFactory(), drawing, count=3, steps=200)
    serving.serve(made.pk)
    made.refresh_from_db()
    assert (made.state, made.postponed) == (GenerationState.QUEUED, 1)
    assert engine.counts.row_steps < 200


@pytest.mark.django_db(transaction=True)
def test_what_is_looked_at_for_long_stays_in_its_workers_hands(settings):
    settings.GENERATION_LEASE_SECONDS = 2
    made = generation(UserFactory())
    claimed = running.claim(made.pk)
    with serving._held(claimed):
        time.sleep(2.5)
        assert running.reconcile() == 0
        assert running.claim(made.pk) is None
    assert running.succeed(claimed, [drawn(claimed)], timings={}).state == GenerationState.SUCCEEDED


def test_nothing_is_shown_before_a_classifier_has_seen_it():
    made = generation(UserFactory())
    assert as_asked(made).previews is True
    rule = {"code": "red", "title": "Red pictures", "labels": {"red": 0.5}}
    looking = {"version": "v2", "classifier": {"model": "ada/eyes", "commit": "0" * 40}, "pictures": [rule]}
    text = json.dumps(json.loads(default_text()) | looking)
    SafetyPolicy.objects.create(version="v2", text=text, reason="Try", adopted_by=StaffFactory())
    assert as_asked(made).previews is False


def test_nothing_is_shown_of_what_may_have_been_taken_away():
    ada = UserFactory()
    first = finish(generation(ada, seed=7)).pictures.get()
    again, other = (generation(ada, first.generation.repository, seed=seed) for seed in (7, 8))
    report = Report.objects.create(key="k", kind="other", asset=str(first), contents=[first.sha256])
    Block.objects.create(report=report, content=first.sha256, is_everywhere=True)
    assert [as_asked(one).previews for one in (again, other)] == [False, True]


def test_what_the_models_own_checker_blacks_out_is_neither_given_out_nor_billed(engine, source, tmp_path, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    person = UserFactory()
    buy_credits(person.namespace)
    before = credits_left(person.namespace, "eur")
    folder = add_safety_checker(save_diffusion_pipeline(tmp_path / "checked"))
    repository = upload_pipeline(UserFactory(), folder)
    source.folders[repository.full_name] = folder
    made = generation(person, repository, steps=2)
    claimed = running.claim(made.pk)
    watch = serving._Watch(claimed)
    serving._finish(claimed, watch.until_done([engine.submit(replace(as_asked(claimed), previews=True))]))
    made = Generation.objects.get(pk=made.pk)
    assert (made.state, made.failure) == (GenerationState.REFUSED, FailureCode.FLAGGED)
    assert (made.verdict["allowed"], made.pictures.count()) == (True, 0)
    assert credits_left(person.namespace, "eur") == before
    # The checker sees finished pictures only: nothing is shown before.
    assert watch.preview is None
    with pytest.raises(Unprocessable, match="blacked out") as refused:
        waiting.finished(made, keep=False, by=Principal(user=person))
    assert refused.value.code == "content_policy_violation"


def test_one_picture_that_is_blacked_out_takes_the_others_along():
    made = generation(UserFactory(), count=2)
    claimed = running.claim(made.pk)
    results = [Result(Image.new("RGB", (16, 16)), {}, Timings(), is_flagged=flagged) for flagged in (False, True)]
    serving._finish(claimed, results)
    made.refresh_from_db()
    assert (made.failure, made.pictures.count()) == (FailureCode.FLAGGED, 0)


def test_a_deadline_that_passes_in_the_engine_ends_it_as_expired(engine, drawing):
    made = generation(UserFactory(), drawing, deadline=600)
    claimed = running.claim(made.pk)
    Generation.objects.filter(pk=made.pk).update(deadline=timezone.now() - timedelta(seconds=1))
    claimed.refresh_from_db()
    serving._draw(claimed)
    made.refresh_from_db()
    assert (made.state, made.failure) == (GenerationState.FAILED, FailureCode.EXPIRED)


def test_a_lora_that_closed_meanwhile_ends_it_with_its_name(engine, drawing, source, folder, tmp_path):
    pipeline = stock("StableDiffusionPipeline", folder)
    made_folder = make_lora(pipeline, tmp_path / "adapter", ["unet"], rank=2, alpha=2, seed=1)
    adapter = hub.repository(UserFactory(), files={LORA_FILE: (made_folder / LORA_FILE).read_bytes()})
    made = generation(UserFactory(), drawing, loras=(LoraWanted(adapter.full_name),))
    repositories.update_settings(adapter, by=Principal(user=adapter.created_by), visibility="private")
    serving.serve(made.pk)
    made.refresh_from_db()
    assert (made.failure, made.failure_detail) == (FailureCode.MODEL_GONE, adapter.full_name)


def test_a_licence_that_ended_while_it_waited_ends_it_unbilled(engine, drawing):
    buyer = UserFactory()
    company = OrganisationFactory(admin=buyer).namespace
    buy_credits(company)
    by = Principal(user=drawing.created_by)
    hub.put(drawing, {"README.md": b"---\nlicense: cc-by-nc-4.0\n---\n", "wellspring.json": b"{}"}, by=by)
    drawing.refresh_from_db()
    versions.record_version(drawing, drawing.head, user=drawing.created_by)
    grant = grant_of_use(drawing, company, by=buyer)
    made = generation(buyer, drawing, billed=company)
    assert made.grants_of_use == [str(grant.pk)]
    grant.state = GrantState.REVOKED
    grant.save()
    before = credits_left(company, "eur")
    serving.serve(made.pk)
    made.refresh_from_db()
    assert (made.state, made.failure) == (GenerationState.FAILED, FailureCode.LICENCE_ENDED)
    assert credits_left(company, "eur") >= before
    assert not RevenueLine.objects.filter(customer=company).exists()
