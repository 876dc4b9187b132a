import pytest

from tests.support.stripe_standin import gateway_to, running


@pytest.fixture(scope="session")
def stripe_world(tmp_path_factory):
    """One stand-in process for the run, and the inbox for its webhooks."""
    with running(tmp_path_factory.mktemp("stripe")) as (standin, inbox):
        yield standin, inbox


@pytest.fixture
def standin(stripe_world):
    """The stand-in, empty at the start of each test."""
    standin, inbox = stripe_world
    standin.control("POST", "reset")
    inbox.letters.clear()
    inbox.answers.clear()
    return standin


@pytest.fixture
def inbox(stripe_world, standin):
    return stripe_world[1]


@pytest.fixture
def gateway(standin):
    return gateway_to(standin)
