"""A recipe whose inputs forbid it never becomes a job; what the site cannot know is left to the program."""

import pytest

from common.errors import Invalid
from compute.models import Job
from tests.factories import compute as make
from tests.factories import hub

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    make.allocation(gpu_seconds=100_000)
    owner = hub.person("ada")
    for kind, name, licence in [
        ("model", "closed", "cc-by-nd-4.0"),
        ("model", "rail", "creativeml-openrail-m"),
        ("model", "free", "apache-2.0"),
        ("dataset", "closed", "cc-by-nc-nd-4.0"),
        ("dataset", "open", "cc-by-4.0"),
    ]:
        hub.repository(owner, name, kind=kind, files={"README.md": f"---\nlicense: {licence}\n---\n".encode()})
    hub.repository(owner, "hidden", visibility="private", files={"README.md": b"---\nlicense: cc-by-nd-4.0\n---\n"})
    return owner


def _job(*settings, recipe="inpainting", config="shapes-cpu"):
    command = ["python", "-m", f"compute.recipes.{recipe}", "--config", config]
    return make.job(*command, *(word for setting in settings for word in ("--set", setting)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["dataset.id=ada/closed"], "data set ada/closed is under cc-by-nc-nd-4.0"),
        (["dataset.id=ada/open", "base.id=ada/closed"], "model ada/closed is under cc-by-nd-4.0"),
        (["base.id=ada/rail"], "Set 'publish.licence' to creativeml-openrail-m"),
        (["base.id=ada/rail", "publish={licence: mit}"], "published under mit"),
    ],
)
def test_what_a_licence_forbids_is_refused_at_submission(owner, settings, message):
    with pytest.raises(Invalid, match=message):
        _job(*settings)
    assert not Job.objects.exists()


def test_a_base_anywhere_in_the_configuration_counts(owner):
    with pytest.raises(Invalid, match="ada/closed"):
        _job("autoencoder.id=ada/closed", recipe="stable_diffusion")
    with pytest.raises(Invalid, match="ada/closed"):
        _job("base.id=ada/closed", recipe="text_to_image")
    with pytest.raises(Invalid, match="ada/closed"):
        _job("earlier.id=ada/closed", recipe="adapters", config="lora-cpu")
    with pytest.raises(Invalid, match="ada/closed"):
        _job("model.base.id=ada/closed", recipe="language_model", config="places-cpu")


def test_what_is_allowed_or_unknown_here_becomes_a_job(owner):
    assert _job("dataset.id=ada/open", "base.id=ada/free")
    assert _job("base.id=ada/rail", "publish.licence=openrail")
    assert _job("base.id=nobody/nothing"), "the program knows other hubs"
    assert _job("base.id=ada/hidden"), "what the person may not see tells nothing"
    assert _job("base.id=ada/rail", config="own.yaml"), "the file may name another licence"
    assert make.job("python", "train.py", "--set", "base.id=ada/closed")
    with pytest.raises(Invalid, match="ada/closed"):
        _job("base.id=ada/closed", config="own.yaml")
