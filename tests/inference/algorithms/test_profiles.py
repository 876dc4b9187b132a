import json

import pytest

from inference.algorithms import profiles
from inference.algorithms.profiles import profile_of
from inference.enums import Task

FLOW = {
    "model_index.json": {"_class_name": "StableDiffusion3Pipeline", "transformer": ["diffusers", "X"]},
    "transformer/config.json": {"sample_size": 128, "patch_size": 2},
    "vae/config.json": {"block_out_channels": [128, 256, 512, 512]},
}


def profile(files, card=None):
    return profile_of(lambda path: json.dumps(files[path]) if path in files else None, card=card or {})


def test_size_and_unit_follow_from_the_configurations():
    found = profile(FLOW)
    assert (found.width, found.height, found.unit, found.steps, found.guidance) == (1024, 1024, 16, 28, 7.0)


def test_the_card_may_name_better_values():
    card = {"inference": {"parameters": {"num_inference_steps": 12, "guidance_scale": 2}}}
    assert (profile(FLOW, card).steps, profile(FLOW, card).guidance) == (12, 2.0)


@pytest.mark.parametrize("advice", [{"num_inference_steps": 10**9}, {"num_inference_steps": "12"}, [], None, "fast"])
def test_advice_that_means_nothing_is_ignored(advice):
    assert profile(FLOW, {"inference": {"parameters": advice}}).steps == 28


def test_no_pipeline_has_no_profile():
    assert profile({}) is None
    assert profile_of(lambda _path: "not json", card={}) is None
    assert profile_of(lambda _path: "[" * 9000, card={}) is None


def test_the_tables_are_those_of_the_engine():
    from diffusers import DDPMScheduler

    from inference.engine import samplers, tasks

    words = {tasks.DRAW: {Task.TEXT_TO_IMAGE}, tasks.REDRAW: {Task.IMAGE_TO_IMAGE, Task.EDITING}}
    words |= {tasks.FILL: {Task.INPAINTING}, tasks.ENLARGE: {Task.UPSCALE}, tasks.SOUND: {Task.SOUND}}
    assert profiles.SERVES.keys() == tasks.TASKS.keys()
    for name, served in profiles.SERVES.items():
        assert len(served) == len(tasks.TASKS[name])
        assert all(words[task] & set(served) for task in tasks.TASKS[name])
    assert tuple(samplers.DIFFUSION) == profiles.DIFFUSION_SAMPLERS
    assert tuple(samplers.FLOW) == profiles.FLOW_SAMPLERS
    assert samplers.SPREADING == profiles.SPREADING_SAMPLERS
    for prediction in ("epsilon", "v_prediction"):
        spreads = DDPMScheduler(variance_type="learned_range", prediction_type=prediction)
        files = {"model_index.json": {"_class_name": "IFSuperResolutionPipeline"}}
        files["scheduler/scheduler_config.json"] = dict(spreads.config) | {"_class_name": "DDPMScheduler"}
        assert tuple(samplers.fitting(spreads)) == profile(files).samplers


@pytest.mark.parametrize(("channels", "fills"), [(16, True), (33, True), (4, False)])
def test_which_transformers_fill(channels, fills):
    wide = FLOW | {"transformer/config.json": {"sample_size": 128, "patch_size": 2, "in_channels": channels}}
    assert (Task.INPAINTING in profile(wide).tasks) is fills


def test_no_side_is_longer_than_eight_times_the_own_one():
    small = FLOW | {"transformer/config.json": {"sample_size": 4, "patch_size": 2}}
    assert (profile(small).width, profile(small).largest) == (32, 256)


def test_positions_bound_the_size():
    bound = FLOW | {"transformer/config.json": {"sample_size": 8, "patch_size": 2, "pos_embed_max_size": 8}}
    assert profile(bound).largest == 128
    assert profile(FLOW).largest == 2048


def test_what_enlarges_says_how_far_and_how_noisy_the_image_is_made():
    latents = {
        "model_index.json": {"_class_name": "StableDiffusionUpscalePipeline", "max_noise_level": 300},
        "unet/config.json": {"sample_size": 128},
        "vae/config.json": {"block_out_channels": [128, 256, 512]},
    }
    found = profile(latents)
    assert (found.enlarges, found.unit, found.noise_levels) == (4, 16, (20, 300))
    pixels = {
        "model_index.json": {"_class_name": "IFSuperResolutionPipeline"},
        "unet/config.json": {"sample_size": 256},
        "scheduler/scheduler_config.json": {"_class_name": "DDPMScheduler", "variance_type": "learned_range"},
    }
    found = profile(pixels, {"inference": {"parameters": {"noise_level": 50}}})
    assert (found.enlarges, found.width, found.unit, found.noise_levels) == (0, 256, 8, (50, 999))
    assert found.samplers == profiles.SPREADING_SAMPLERS
    pixels["scheduler/scheduler_config.json"] |= {"prediction_type": "v_prediction"}
    assert profile(pixels).samplers == ("ddpm",)
    assert profile(FLOW).noise_levels is None
