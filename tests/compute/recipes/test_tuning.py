"""Fine-tunes of Stable Diffusion: they begin where the base ended, learn, and load in the stock classes."""

import numpy as np
import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
)
from safetensors.torch import load_file

from compute.recipes.inpainting.config import Config as InpaintingConfig
from compute.recipes.inpainting.config import TrainingConfig
from compute.recipes.inpainting.masks import all_but_rims, drawn_masks, largest_side
from compute.recipes.inpainting.program import _another
from compute.recipes.inpainting.program import run as train_inpainting
from compute.recipes.instruction_editing.config import Config as EditingConfig
from compute.recipes.instruction_editing.config import PairsConfig
from compute.recipes.instruction_editing.config import TrainingConfig as EditingTraining
from compute.recipes.instruction_editing.program import InstructionEditing
from compute.recipes.instruction_editing.program import run as train_editing
from compute.recipes.refusal import Refused
from compute.recipes.shapes.checker import recognise
from compute.recipes.shapes.drawing import draw
from compute.recipes.shapes.edits import make_edits, write_parquet
from compute.recipes.shapes.vocabulary import Scene
from compute.recipes.stable_diffusion.tuning import widened
from tests.compute.recipes.small import TUNED, configured, drawn, metric


def _sections(base, **more):
    return {**TUNED, "base": {"id": str(base)}, "validation": {"pictures": 2}} | more


def test_further_channels_change_nothing_at_first(stable):
    unet = StableDiffusionPipeline.from_pretrained(stable).unet.eval()
    wide = widened(unet, 9).eval()
    noisy, states = torch.randn(2, 4, 8, 8), torch.randn(2, 16, 32)
    with torch.no_grad():
        before = unet(noisy, 500, states).sample
        after = wide(torch.cat([noisy, torch.randn(2, 5, 8, 8)], dim=1), 500, states).sample
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def test_a_base_kept_in_half_precision_is_trained_in_whole(stable, shapes_folder, tmp_path):
    StableDiffusionPipeline.from_pretrained(stable, dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    short = {"training": TUNED["training"] | {"steps": 1}, "accept_base_licence": "apache-2.0"}
    sections = _sections(tmp_path / "half", dataset={"caption_column": "caption"}, **short)
    folder = train_inpainting(configured(InpaintingConfig, shapes_folder, tmp_path / "output", **sections))
    assert {weight.dtype for weight in load_file(next((folder / "unet").glob("*.safetensors"))).values()} == {
        torch.float32
    }


def test_inpainting(stable, shapes_folder, tmp_path):
    data = {"caption_column": "caption"}
    judged = {"sampling": {"steps": 2, "checker": "shapes", "checked": 25}}  # one more than there are
    config = configured(InpaintingConfig, shapes_folder, tmp_path, **_sections(stable, dataset=data, **judged))
    folder = train_inpainting(config)
    assert 0.0 <= metric(config.folder, "prompt_accuracy")[1] <= metric(config.folder, "shape_accuracy")[1] <= 1.0
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.95 * before

    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is StableDiffusionInpaintPipeline
    assert pipeline.unet.config.in_channels == 9
    assert pipeline.unet.conv_in.weight[:, 4:].abs().max() > 0, "the mask and what is seen matter"
    mask = torch.zeros(1, 1, 32, 32)
    mask[:, :, 8:24, 8:24] = 1.0
    options = {"image": torch.rand(1, 3, 32, 32), "mask_image": mask, "height": 32, "width": 32}
    options["num_inference_steps"] = 2
    stock = StableDiffusionInpaintPipeline.from_pretrained(folder)
    assert np.array_equal(*(drawn(each, "a red circle", **options) for each in (pipeline, stock)))
    with pytest.raises(Refused, match=r"is no .+ but a StableDiffusionInpaintPipeline"):
        train_editing(configured(EditingConfig, shapes_folder, tmp_path / "x", **_sections(folder)))


def test_what_is_repainted_for_the_checker_is_another_shape_in_another_colour():
    seen = recognise(draw(Scene("red", "circle", "grey")))
    asked = [_another(seen, number) for number in range(14)]
    assert len({each.text for each in asked}) == 14
    assert all(each.text.endswith("on a grey background") for each in asked)
    assert not any(each.colour == "red" or each.shape == "circle" for each in asked)
    hidden = all_but_rims(2, 32, 48)
    assert (hidden[0] == 0.0).sum() == 32 * 48 - 28 * 42


def test_instruction_editing(stable, tmp_path):
    write_parquet(tmp_path / "edits", train=96, test=16)
    judged = {"sampling": {"steps": 2, "checker": "shapes", "checked": 4}}
    config = configured(EditingConfig, tmp_path / "edits", tmp_path / "output", **_sections(stable, **judged))
    folder = train_editing(config)
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.95 * before
    assert 0.0 <= metric(config.folder, "edit_accuracy")[1] <= metric(config.folder, "shape_accuracy")[1] <= 1.0

    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is StableDiffusionInstructPix2PixPipeline
    assert pipeline.unet.config.in_channels == 8
    options = {"image": torch.rand(1, 3, 32, 32), "num_inference_steps": 2, "guidance_scale": 3.0}
    stock = StableDiffusionInstructPix2PixPipeline.from_pretrained(folder)
    first, second = (drawn(each, "make it red", image_guidance_scale=1.5, **options) for each in (pipeline, stock))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, drawn(pipeline, "make it red", image_guidance_scale=4.0, **options))


def test_instructions_and_originals_are_left_out_alone_and_together():
    shares = {"condition_dropout": 0.1, "picture_dropout": 0.2, "both_dropout": 0.3}
    recipe = InstructionEditing(EditingConfig(training=EditingTraining(**shares)))
    told, shown = recipe._kept(20_000, torch.Generator().manual_seed(0))
    seen = {"text": ~told & shown, "picture": told & ~shown, "both": ~told & ~shown, "none": told & shown}
    wanted = {"text": 0.1, "picture": 0.2, "both": 0.3, "none": 0.4}
    assert {name: float(rows.float().mean()) for name, rows in seen.items()} == pytest.approx(wanted, abs=0.02)
    with pytest.raises(Refused, match="together at most 1"):
        train_editing(EditingConfig(dataset=PairsConfig(path="x"), training=EditingTraining(both_dropout=0.95)))


def test_edits_change_what_they_say_and_nothing_else():
    for edit in make_edits(3, 12):
        before, after = recognise(edit.original), recognise(edit.edited)
        wanted = edit.instruction.rpartition(" ")[2]
        assert before.shape == after.shape
        if "background" in edit.instruction:
            assert (after.background, after.colour) == (wanted, before.colour)
        else:
            assert (after.colour, after.background) == (wanted, before.background)


def test_masks_grow_over_the_training():
    config = TrainingConfig(first_side=0.4, grown_by=0.5)
    assert [largest_side(p, config) for p in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.4, 0.7, 1.0, 1.0])

    def masks(largest, whole):
        random = torch.Generator().manual_seed(0)
        return drawn_masks(200, 32, 24, largest=largest, whole=whole, random=random)

    small, large = (masks(side, 0.0).mean(dim=(1, 2, 3)) for side in (0.4, 1.0))
    assert small.max() <= 0.17
    assert small.min() > 0.02
    assert large.mean() > 2 * small.mean()
    assert masks(0.4, 1.0).min() == 1.0
