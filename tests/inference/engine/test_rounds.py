"""What is paid for is what the networks compute: counted at the networks of every family, whatever is asked."""

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from inference.algorithms import pricing
from inference.algorithms.profiles import profile_of
from inference.engine.engine import Engine
from inference.engine.requests import ModelKey, Request
from tests.inference import pipelines
from tests.inference.engine.alone import mask, photograph
from tests.inference.engine.conftest import Folders

draw = pipelines.save_diffusion_pipeline
MODELS = {
    "ddim": draw,
    "heun": lambda folder: pipelines.set_scheduler(draw(folder), "HeunDiscreteScheduler"),
    "kdpm": lambda folder: pipelines.set_scheduler(draw(folder), "KDPM2AncestralDiscreteScheduler"),
    "pndm": lambda folder: pipelines.set_scheduler(draw(folder), "PNDMScheduler", skip_prk_steps=True),
    "prk": lambda folder: pipelines.set_scheduler(draw(folder), "PNDMScheduler", skip_prk_steps=False),
    "told": lambda folder: pipelines.set_scheduler(draw(folder, is_told_guidance=True), "LCMScheduler"),
    "filling": lambda folder: draw(folder, channels=9),
    "editing": lambda folder: draw(folder, channels=8),
    "xl": pipelines.save_xl_pipeline,
    "wide": lambda folder: pipelines.set_scheduler(
        pipelines.save_wide_flow_pipeline(folder), "FlowMatchHeunDiscreteScheduler"
    ),
    "shifted": lambda folder: pipelines.set_scheduler(
        pipelines.save_wide_flow_pipeline(folder), "FlowMatchEulerDiscreteScheduler", shift_terminal=0.1
    ),
    "flux": pipelines.save_guided_flow_pipeline,
    "latent": pipelines.save_latent_pipeline,
}


class Counted:
    """An engine with every model of MODELS, and how many rows their networks computed."""

    def __init__(self, root):
        self.folders = {name: save(root / name) for name, save in MODELS.items()}
        self.engine = Engine(Folders(**self.folders))
        self.watched = set()
        self.rows = 0

    def profile(self, name):
        read = lambda path: (self.folders[name] / path).read_text() if (self.folders[name] / path).exists() else None  # noqa: E731
        return profile_of(read, card={})

    def rows_of(self, request):
        if request.model not in self.watched:
            self.engine.submit(request).result(60)
            model = self.engine.loading.models.acquire_loaded(request.model)
            denoiser = model.networks.get("unet") or model.networks["transformer"]
            denoiser.register_forward_pre_hook(self._count, with_kwargs=True)
            self.watched.add(request.model)
        self.rows = 0
        self.engine.submit(request).result(60)
        return self.rows

    def _count(self, network, arguments, named):
        self.rows += (arguments[0] if arguments else named["hidden_states"]).shape[0]


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    made = Counted(tmp_path_factory.mktemp("counted"))
    with made.engine:
        yield made


# Schedulers that are older than what they are given say so.
@pytest.mark.filterwarnings("ignore")
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_price_counts_what_the_networks_compute(counted, data):
    name = data.draw(st.sampled_from(sorted(MODELS)))
    profile = counted.profile(name)
    task = data.draw(st.sampled_from(profile.tasks))
    asked = {
        "scheduler": data.draw(st.sampled_from(("", *profile.samplers))),
        "steps": data.draw(st.integers(1, 7)),
        "guidance": data.draw(st.sampled_from([0.5, 1.0, 1.5, 5.0])),
        "strength": data.draw(st.sampled_from([0.3, 0.55, 0.8, 1.0])),
        "image_guidance": data.draw(st.sampled_from([0.5, 1.0, 2.0])),
    }
    assume(int(asked["steps"] * asked["strength"]) >= 1)
    assume(asked["steps"] >= profile.fewest_steps(task, asked["scheduler"]))
    images = {"image": photograph()} if task.needs_image else {}
    images |= {"mask": mask()} if task.needs_mask else {}
    request = Request(
        ModelKey(name, "1"), "a red circle", seed=1, **asked | {"scheduler": asked["scheduler"] or None}, **images
    )
    assert counted.rows_of(request) == pricing.rounds(profile, task=task, **asked), json.dumps([name, task, asked])
