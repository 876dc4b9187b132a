import pytest

from inference.algorithms.policy import default_policy
from inference.models import Generation
from inference.services import generations, running
from tests.factories.accounts import UserFactory, bearer
from tests.factories.inference import finish, generation, model

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client):
    user = UserFactory()
    client.force_login(user)
    return user


def filled(repository, person, **changes):
    return {
        "model": repository.full_name,
        "prompt": "a red circle",
        "count": 1,
        "billed": person.namespace.pk,
    } | changes


def status(client, url, **headers):
    answer = client.get(url, **headers)
    if answer.streaming:
        assert b"".join(answer.streaming_content)  # to the end, so that the file is closed
    return answer.status_code


def test_the_studio_without_a_person_invites(client):
    answer = client.get("/studio")
    assert answer.status_code == 200
    assert b"/login?next=/studio" in answer.content


def test_the_form_makes_a_generation_and_opens_its_page(client, person):
    repository = model()
    answer = client.post("/studio", filled(repository, person, seed=3))
    made = Generation.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/generations/{made.pk}")
    page = client.get(answer["Location"]).content.decode()
    assert '<noscript><meta http-equiv="refresh"' in page
    assert f'hx-get="/generations/{made.pk}/progress"' in page


def test_the_form_by_htmx_answers_with_the_part_that_changes(client, person):
    answer = client.post("/studio", filled(model(), person), HTTP_HX_REQUEST="true")
    assert answer.status_code == 200
    assert b"<html" not in answer.content
    assert b"Place 1 in the queue" in answer.content
    wrong = client.post("/studio", filled(model(), person, width=17), HTTP_HX_REQUEST="true")
    assert (wrong["HX-Retarget"], wrong["HX-Reswap"]) == ("#studio-form", "outerHTML")
    assert b"must be a multiple of 4" in wrong.content


def test_refusals_stand_beside_their_field(client, person, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    page = client.post("/studio", filled(model(), person)).content.decode()
    assert "Buy credits at /credits" in page
    assert client.post("/studio", filled(model(), person, prompt="")).status_code == 200
    assert Generation.objects.count() == 0


def test_the_picker_shows_visible_models_with_their_licence(client, person):
    public, private, own = model(), model(visibility="private"), model(person, visibility="private", licence="mit")
    page = client.get("/studio").content.decode()
    assert f"{public.full_name} · apache-2.0" in page
    assert f"{own.full_name} · mit" in page
    assert private.full_name not in page


def test_the_cost_is_told_before(client, person, settings):
    body = filled(model(), person, count=2)
    assert b"Free: 200 pictures are left today" in client.post("/studio/cost", body).content
    settings.FREE_PICTURES_PER_DAY = 1
    assert b"Cost: 0.002004 EUR" in client.post("/studio/cost", body).content
    assert b"multiple of 4" in client.post("/studio/cost", body | {"width": 17}).content


def test_a_prompt_against_the_policy_shows_the_verdict(client, person):
    client.post("/studio", filled(model(), person, prompt="a naked child"))
    page = client.get(f"/generations/{Generation.objects.get().pk}").content.decode()
    assert "Sexual content with minors" in page
    assert f"Policy {default_policy().version}" in page


def test_the_page_of_a_finished_generation(client, person):
    made = finish(generation(person, prompt="it's <b>red</b>", seed=7, count=2))
    page = client.get(f"/generations/{made.pk}").content.decode()
    assert "<b>red</b>" not in page
    assert f'src="/generations/{made.pk}/1.png"' in page
    assert "within the daily free allowance" in page
    assert "http-equiv" not in page
    assert "it&#x27;\\&#x27;&#x27;s" in page


def test_pages_and_pictures_are_for_their_owner_until_shown(client, person):
    made = finish(generation(person, count=2))
    pages = [f"/generations/{made.pk}", f"/generations/{made.pk}/0.png"]
    others = [{}, bearer(UserFactory()), bearer(UserFactory(is_staff=True))]
    client.logout()
    for url in pages:
        assert [status(client, url, **headers) for headers in others] == [404] * 3
        assert status(client, url, **bearer(person)) == 200
    client.force_login(person)
    client.post(f"/generations/{made.pk}/0/show", {"public": "1"})
    client.logout()
    for url in pages:
        assert [status(client, url, **headers) for headers in others] == [200] * 3
    assert client.get(f"/generations/{made.pk}/1.png").status_code == 404
    page = client.get(f"/generations/{made.pk}").content.decode()
    assert f"/generations/{made.pk}/1.png" not in page
    assert f"/generations/{made.pk}/0.png" in client.get("/gallery").content.decode()
    assert client.get(f"/api/generations/{made.pk}", **bearer(UserFactory())).status_code == 404


def test_changes_are_for_the_owner_only(client, person):
    made = generation(person)
    done = finish(generation(person))
    urls = [f"/generations/{made.pk}/cancel", f"/generations/{done.pk}/0/show", f"/generations/{done.pk}/again"]
    client.force_login(UserFactory())
    assert [client.post(url).status_code for url in urls] == [404] * 3
    client.force_login(UserFactory(is_staff=True))
    assert [client.post(url).status_code for url in urls] == [404] * 3
    client.logout()
    assert [client.post(url)["Location"].split("?")[0] for url in urls] == ["/login"] * 3


def test_a_stranger_cannot_hide_or_show_a_public_picture(client, person):
    done = finish(generation(person))
    client.post(f"/generations/{done.pk}/0/show", {"public": "1"})
    client.force_login(UserFactory())
    assert client.post(f"/generations/{done.pk}/0/show", {"public": "0"}).status_code == 403
    assert done.pictures.get().is_public


def test_make_again_asks_for_the_same(client, person):
    done = finish(generation(person, seed=7, steps=3))
    answer = client.post(f"/generations/{done.pk}/again")
    again = Generation.objects.exclude(pk=done.pk).get()
    assert answer["Location"] == f"/generations/{again.pk}"
    assert again.parameters == done.parameters


def test_progress_and_preview_while_it_runs(client, person):
    made = generation(person)
    assert client.get(f"/generations/{made.pk}/preview.png").status_code == 404
    claimed = running.claim(made.pk)
    running.beat(claimed, steps_done=2)
    made.preview_path.parent.mkdir(parents=True)
    made.preview_path.write_bytes(b"png")
    part = client.get(f"/generations/{made.pk}/progress").content.decode()
    assert "Step 2 of 4" in part
    assert f"/generations/{made.pk}/preview.png?step=2" in part
    assert b"".join(client.get(f"/generations/{made.pk}/preview.png").streaming_content) == b"png"
    client.force_login(UserFactory())
    assert client.get(f"/generations/{made.pk}/preview.png").status_code == 404
    assert client.get(f"/generations/{made.pk}/progress").status_code == 404


def test_cancel_from_the_page(client, person):
    made = generation(person)
    assert client.post(f"/generations/{made.pk}/cancel").status_code == 302
    assert Generation.objects.get().state == "cancelled"


def test_signed_links_open_one_picture_for_a_while(client, person, rf, monkeypatch):
    from inference.api import openai

    done = finish(generation(person, count=2))
    first, _second = done.pictures.all()
    link = openai.signed_link(rf.get("/"), first).removeprefix("http://127.0.0.1:8000")
    client.logout()
    assert status(client, link) == 200
    assert status(client, link.replace("/0.png", "/1.png")) == 404
    assert status(client, link + "x") == 404
    monkeypatch.setattr(openai, "LINK_SECONDS", -1)
    assert status(client, link) == 404


def test_the_studio_costs_the_same_for_one_and_three(client, person, django_assert_num_queries):
    repository = model()
    finish(generation(person, repository))
    client.get("/studio")
    with django_assert_num_queries(19):
        client.get("/studio")
    for _ in range(2):
        finish(generation(person, repository))
    with django_assert_num_queries(19):
        client.get("/studio")


def test_the_gallery_costs_the_same_for_one_and_three(client, person, django_assert_num_queries):
    made = [finish(generation(person)) for _ in range(3)]
    for number, done in enumerate(made):
        generations.set_public(done.pictures.get(), public=True, by=_session(person))
        if number in {0, 2}:
            with django_assert_num_queries(5):
                client.get("/gallery")


def _session(person):
    from accounts.principal import Principal

    return Principal(user=person)
