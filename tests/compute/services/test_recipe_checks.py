"""A recipe that could only fail never becomes a job; what the site cannot know is left to the program."""

import pytest

from common.errors import Forbidden, Invalid, NotFound
from compute.models import Job
from hub.services import repositories
from tests.factories import compute as make
from tests.factories import hub

pytestmark = pytest.mark.django_db

RECIPE = "compute.recipes.text_to_image"
CARD = {"README.md": b"---\nlicense: cc-by-4.0\n---\n"}


@pytest.fixture(autouse=True)
def stock():
    make.allocation(gpu_seconds=100_000)
    researcher = make.person()
    hub.repository(researcher, "shapes", kind="dataset", files=CARD)
    hub.repository(hub.person("bob"), "hidden", kind="dataset", visibility="private", files=CARD)
    return researcher


def _job(*settings, recipe=RECIPE, config=("--config", "shapes-cpu"), **changes):
    sets = (word for setting in settings for word in ("--set", setting))
    return make.job("python", "-m", recipe, *config, *sets, **changes)


@pytest.mark.parametrize(
    ("settings", "command", "message"),
    [
        (["training.stepz=3"], {}, r"Unknown configuration key 'training.stepz'"),
        (["training.steps=many"], {}, r"'training.steps' must be of type int, not 'many'"),
        (["training.optimizer=adamz"], {}, r"must be one of 'adamw', 'muon'"),
        (["steps"], {}, r"Write --set as key=value"),
        ([], {"config": ("--config", "nosuch")}, r"no configuration 'nosuch'. Shipped .* are .*shapes-cpu"),
        ([], {"config": ()}, r"needs --config"),
        ([], {"recipe": "compute.recipes.nosuch"}, r"no recipe 'nosuch'. There are adapters, autoencoder"),
    ],
)
def test_what_the_program_does_not_know_is_refused_in_its_words(settings, command, message):
    with pytest.raises(Invalid, match=message) as refused:
        _job(*settings, **command)
    assert refused.value.code == "recipe_refused"
    assert not Job.objects.exists()


def test_what_only_the_job_has_is_left_to_the_program():
    assert _job("training.stepz=3", config=("--config", "own.yaml"))
    assert _job("training.stepz=3", config=("--config", "output/config"))
    assert _job(recipe="compute.recipes.shapes", config=("folder",))
    assert _job(recipe="compute.recipes.dance_diffusion.tones", config=("folder",))
    assert make.job("python", "train.py", "--set", "training.stepz=3")


def test_data_that_the_person_may_not_read_are_told_at_once():
    assert _job("dataset.id=researcher/shapes")
    for name in ("researcher/nothing", "bob/hidden", "no name"):
        with pytest.raises(NotFound, match=f"no data set {name} that you may read"):
            _job(f"dataset.id={name}")
    assert _job("dataset.id=bob/hidden", secrets={"HF_TOKEN": "hf_of_another"}), "somebody else may read it"


def test_what_is_behind_a_gate_is_told_at_once():
    bob = make.person("bob")
    gated = hub.repository(bob, "gated", kind="dataset", files=CARD)
    repositories.update_settings(gated, by=hub.as_principal(bob), gated="manual")
    with pytest.raises(Forbidden, match="bob/gated"):
        _job("dataset.id=bob/gated")


def test_a_model_that_could_not_be_pushed_is_not_trained():
    assert _job("publish.repo_id=researcher/new")
    assert _job("publish.repo_id=new"), "a name alone is one's own"
    with pytest.raises(Forbidden, match="could not be pushed to bob/stolen: a job of researcher writes under that"):
        _job("publish.repo_id=bob/stolen")
    assert _job("publish.repo_id=bob/ours", secrets={"HF_TOKEN": "hf_of_bob"})


def test_what_is_meant_to_be_private_does_not_go_where_all_may_read(stock):
    hub.repository(stock, "public")
    hub.repository(stock, "closed", visibility="private")
    with pytest.raises(Invalid, match="researcher/public is public"):
        _job("publish.repo_id=researcher/public", "publish.private=true")
    assert _job("publish.repo_id=researcher/closed", "publish.private=true")
    assert _job("publish.repo_id=researcher/other", "publish.private=true")
