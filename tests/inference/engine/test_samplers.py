"""Times stay with the processor, whatever device a pipeline asks for."""

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import retrieve_timesteps

from inference.engine.samplers import DIFFUSION, FLOW, own_scheduler


@pytest.mark.parametrize("name", [None, *DIFFUSION, *FLOW])
def test_times_are_kept_on_the_processor(name):
    model = FlowMatchEulerDiscreteScheduler() if name in FLOW else DDIMScheduler()
    scheduler = own_scheduler(model, name)
    times, steps = retrieve_timesteps(scheduler, 4, "meta")  # a device that gives nothing back
    assert steps == 4
    assert times.device == torch.device("cpu")
    assert len(times) == len(scheduler.timesteps) >= 4
