"""What a request for sounds comes to, and what is refused because it would have no influence."""

import pytest
from django.db import IntegrityError, transaction

from accounts.principal import Principal
from inference.enums import GenerationState, Task
from inference.errors import Unprocessable
from inference.models import Generation
from inference.services.planning import LoraWanted, Wanted, plan, same_again
from tests.factories.accounts import UserFactory
from tests.factories.inference import generation, given, model, sound_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def bells(ada):
    return sound_model(ada)


def planned(person, repository, **wanted):
    return plan(Principal(user=person), Wanted(**({"prompt": ""} | wanted)), model=repository.full_name)


def test_what_is_left_out_is_the_models_own(ada, bells):
    found = planned(ada, bells).parameters
    assert {name: found[name] for name in ("task", "steps", "steps_taken", "seconds", "count", "label")} == {
        "task": Task.SOUND,
        "steps": 4,
        "steps_taken": 4,
        "seconds": 0.256,
        "count": 1,
        "label": "",
    }
    assert {found[name] for name in ("width", "height", "guidance", "image", "strength")} == {None}


def test_the_price_is_that_of_the_samples_that_are_computed(ada, bells):
    assert planned(ada, bells, seconds=0.25, steps=100, count=2).price == 2 * (1000 + 50)
    assert planned(ada, bells, seconds=0.2503, steps=100).price == 1000 + 51


REFUSED = [
    ({"prompt": "a bell"}, "prompt"),
    ({"negative_prompt": "noise"}, "negative_prompt"),
    ({"guidance": 2.0}, "guidance"),
    ({"width": 16}, "width"),
    ({"ratio": (16, 9)}, "aspect_ratio"),
    ({"strength": 0.0}, "strength"),
    ({"scheduler": "ddim"}, "scheduler"),
    ({"loras": (LoraWanted("ada/x"),)}, "loras"),
    ({"task": "text_to_image"}, "task"),
    ({"seconds": 0.005}, "seconds"),
    ({"seconds": 2.1}, "seconds"),
    ({"steps": 201}, "steps"),
    ({"count": 11}, "count"),
    ({"seed": -1}, "seed"),
    ({"step_reuse": "much"}, "step_reuse"),
    ({"label": "x" * 201}, "label"),
    ({"label": "two\nlines"}, "label"),
]


@pytest.mark.parametrize(("wanted", "field"), REFUSED)
def test_what_does_not_fit_is_refused_by_name(ada, bells, wanted, field):
    with pytest.raises(Unprocessable) as refusal:
        planned(ada, bells, **wanted)
    assert refusal.value.context["field"] == field


def test_an_image_is_refused(ada, bells):
    with pytest.raises(Unprocessable, match="takes no image"):
        planned(ada, bells, image=given(ada))


@pytest.mark.parametrize("field", ["seconds", "label"])
def test_pictures_have_neither_seconds_nor_a_label(ada, field):
    with pytest.raises(Unprocessable, match=f"takes no {field}"):
        planned(ada, model(ada), prompt="a", **{field: 1.0 if field == "seconds" else "x"})


def test_labels_are_judged_as_prompts_are(ada, bells):
    made = generation(ada, bells, prompt="", label="a naked child")
    assert (made.state, made.label) == (GenerationState.REFUSED, "a naked child")


def test_the_same_again_is_asked_with_what_made_it(ada, bells):
    made = generation(ada, bells, prompt="", label="a bell", seconds=0.3, seed=7, count=2)
    again = same_again(Principal(user=ada), made)
    assert (again.label, again.seconds, again.seed, again.count, again.task) == ("a bell", 0.3, 7, 2, "sound")
    assert planned(ada, bells, **{name: value for name, value in vars(again).items() if value}).parameters["seed"] == 7


@pytest.mark.parametrize("changes", [{"width": 16}, {"prompt": "a"}, {"seconds": None}, {"guidance": 1.0}])
def test_the_database_keeps_sounds_and_pictures_apart(ada, bells, changes):
    made = generation(ada, bells, prompt="")
    with pytest.raises(IntegrityError), transaction.atomic():
        Generation.objects.filter(pk=made.pk).update(**changes)
