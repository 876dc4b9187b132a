import pytest

from inference.models import Comparison, Generation
from tests.factories.accounts import StaffFactory, UserFactory
from tests.factories.inference import finish, model, sound_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def filled(person, repository, **changes):
    body = {"model": repository.full_name, "prompt": "a red circle", "billed": person.namespace.pk}
    return body | {"columns": "steps", "column_values": "2, 4, 8", "rows": ""} | changes


def test_two_axes_make_one_generation_for_each_cell_with_one_seed(client, ada):
    body = filled(ada, model(ada), rows="words", row_values="red\ndeep blue")
    assert b"Free: 6 of the 200" in client.post("/studio/comparisons/cost", body).content
    answer = client.post("/studio/comparisons", body)
    comparison = Comparison.objects.get()
    assert answer["Location"] == f"/studio/comparisons/{comparison.pk}"
    cells = {(cell.row, cell.column): cell.generation for cell in comparison.cells.all()}
    assert {place: (cell.prompt, cell.steps) for place, cell in cells.items()} == {
        (row, column): (prompt, steps)
        for row, prompt in enumerate(["a red circle", "a deep blue circle"])
        for column, steps in enumerate([2, 4, 8])
    }
    assert len({cell.seed for cell in cells.values()}) == 1
    finish(cells[1, 2])
    page = client.get(answer["Location"]).content.decode()
    assert "1 of 6 have ended" in page
    assert page.count('scope="col"') == 3
    assert page.count('scope="row"') == 2
    assert f'src="/generations/{cells[1, 2].pk}/0.png"' in page
    for cell in set(cells.values()) - {cells[1, 2]}:
        finish(cell)
    part = client.get(answer["Location"], HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in part
    assert "hx-get" not in part


def test_models_and_seeds_are_compared_and_paid_when_nothing_is_free(client, ada, settings):
    one, two = model(ada), model(ada)
    body = filled(ada, one, columns="model", column_values=f"{one.full_name},{two.full_name}")
    client.post("/studio/comparisons", body | {"rows": "seed", "row_values": "1,2"})
    assert set(Generation.objects.values_list("model_name", "seed")) == {
        (name, seed) for name in (one.full_name, two.full_name) for seed in (1, 2)
    }
    settings.FREE_PICTURES_PER_DAY = 0
    assert b"2 pictures for 0.002" in client.post("/studio/comparisons/cost", body).content
    assert "Buy credits at /credits" in client.post("/studio/comparisons", body).content.decode()
    assert Generation.objects.count() == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"column_values": "2,x"}, "“x” is no number"),
        ({"column_values": "2"}, "Give two to twelve"),
        ({"rows": "steps", "row_values": "1,2"}, "Both axes are the same"),
        ({"columns": "words", "column_values": "zebra, red"}, "does not hold “zebra”"),
        ({"columns": "steps", "column_values": "2,9999"}, "must lie between"),
        ({"columns": "model", "column_values": "ada/none,ada/nothing"}, "Repository not found"),
        ({"column_values": "1,2,3,4,5,6,7,8,9", "rows": "seed", "row_values": "1,2,3,4,5,6,7,8"}, "up to 64 pictures"),
    ],
)
def test_what_does_not_fit_is_refused_as_a_whole(client, ada, change, words):
    page = client.post("/studio/comparisons", filled(ada, model(ada), **change)).content.decode()
    assert words.lower() in page.lower()
    assert (Comparison.objects.count(), Generation.objects.count()) == (0, 0)


def test_what_needs_an_image_says_so_where_none_can_be_chosen(client, ada):
    painter = model(ada, pipeline="StableDiffusionPipeline")
    for task, words in (
        ("image_to_image", "Choose an image"),
        ("outpainting", "how many pixels"),
        ("inpainting", "Paint what"),
    ):
        body = filled(ada, painter, task=task)
        assert words in client.post("/studio/comparisons", body).content.decode()
        assert client.post("/studio/comparisons/cost", body).status_code == 200
    assert not Generation.objects.exists()


def test_sounds_are_compared_over_seeds_lengths_and_models_and_played_in_the_grid(client, ada):
    bells, other = sound_model(ada, name="bells"), model(ada)
    form = client.get(f"/studio/comparisons?model={bells.full_name}").content.decode()
    assert ('name="label"' in form, 'name="prompt"' in form, 'value="guidance"' in form) == (True, False, False)
    part = client.post("/studio/comparisons/model", {"model": other.full_name, "seed": 5}).content.decode()
    assert ('name="label"' in part, 'name="prompt"' in part, 'value="5"' in part, "required." in part) == (
        False, True, True, False,
    )  # fmt: skip
    body = filled(
        ada, bells, columns="seed", column_values="1,2", rows="seconds", row_values="0.2,0.25", label="a bell"
    )
    refused = client.post("/studio/comparisons", body).content.decode()
    assert "a prompt would have no influence" in refused
    body |= {"prompt": "", "task": "text_to_image"}
    assert b"Free: 4 of the 200" in client.post("/studio/comparisons/cost", body).content
    url = client.post("/studio/comparisons", body)["Location"]
    cells = [cell.generation for cell in Comparison.objects.get().cells.order_by("row", "column")]
    assert [(one.seed, one.seconds, one.label) for one in cells] == [
        (seed, seconds, "a bell") for seconds in (0.2, 0.25) for seed in (1, 2)
    ]
    finish(cells[3])
    page = client.get(url).content.decode()
    assert f'src="/generations/{cells[3].pk}/0.png"' in page
    assert f'<audio controls preload="none" src="/generations/{cells[3].pk}/0.wav"' in page
    assert page.count("<audio") == 1
    assert "None ×" not in page
    assert f"from={cells[3].pk}" in client.get(f"/generations/{cells[3].pk}").content.decode()
    again = client.get(f"/studio/comparisons?from={cells[3].pk}").content.decode()
    assert ('value="a bell"' in again, 'value="0.25"' in again) == (True, True)
    mixed = body | {
        "columns": "model",
        "column_values": f"{bells.full_name},{other.full_name}",
        "rows": "",
        "label": "",
    }
    client.post("/studio/comparisons", mixed)
    client.post("/studio/comparisons", body | {"columns": "guidance", "column_values": "1,2"})
    assert (Comparison.objects.count(), Generation.objects.count()) == (1, 4)


def test_a_comparison_is_its_owners(client, ada):
    client.post("/studio/comparisons", filled(ada, model(ada)))
    url = Comparison.objects.get().get_absolute_url()
    for other in (UserFactory(), StaffFactory()):
        client.force_login(other)
        assert client.get(url).status_code == 404
    client.logout()
    assert [client.get(path).status_code for path in (url, "/studio/comparisons")] == [302, 302]


def test_grids_cost_the_same_for_two_and_four_cells(client, ada, django_assert_num_queries):
    repository = model(ada)
    for values in ("2,4", "2,4,6,8"):
        client.post("/studio/comparisons", filled(ada, repository, column_values=values))
        url = Comparison.objects.order_by("-created_at").first().get_absolute_url()
        with django_assert_num_queries(7):
            client.get(url)
