"""What the card of a student says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.distillation.comparing import Drawn, table
from compute.recipes.distillation.config import Config
from compute.recipes.lineage import Source
from compute.recipes.training.bases import LOCAL, gone_on_from
from compute.recipes.training.card import About, without
from compute.recipes.training.program import SAMPLES

NAMES = {"kernel_distance": "Kernel distance (KID) to the teacher's pictures, on its own features", **METRIC_NAMES}
HOW = {
    "ladd": "by latent adversarial diffusion distillation (LADD) on {rows:,} pictures that the teacher drew of the "
    "data set's captions in {steps} steps with guidance {guidance:g}",
    "add": "by adversarial diffusion distillation (ADD) on {rows:,} pictures of the data set, held to what the "
    "teacher answers with guidance {guidance:g}; the features of the discriminator were learned from the same pictures",
}
ONE_STEP = (
    "For a single step give the pipeline a scheduler without an end to stretch to: "
    "`FlowMatchEulerDiscreteScheduler.from_config(pipeline.scheduler.config, shift_terminal=None)`."
)


def about_student(
    config: Config,
    source: Source,
    rows: int,
    compared: Sequence[Drawn],
    prompt: str,
    *,
    absent: Iterable[str] = (),
    earlier: Source | None = None,
) -> About:
    teaching, sampling, kind = config.teaching, config.sampling, config.model.kind
    teacher = Path(source.id).name if source.revision == LOCAL else f"{source.id} at {source.revision}"
    how = HOW[kind].format(rows=rows, steps=teaching.steps, guidance=teaching.guidance)
    side = f", height={config.dataset.size}, width={config.dataset.size}" if kind == "add" else ""
    return About(
        task="text-to-image",
        what=f"Draws in {sampling.steps} steps without guidance. Distilled from {teacher} {how}"
        f"{gone_on_from(earlier)}.",
        usage=f"""
from diffusers import DiffusionPipeline

pipeline = DiffusionPipeline.from_pretrained("{{name}}"{without(absent)})
picture = pipeline(
    {prompt!r}, num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance:g}{side}
).images[0]
""",
        tags=("diffusers", "distillation", kind, *(("sd3",) if kind == "ladd" else ("stable-diffusion",))),
        metric_names=NAMES,
        inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
        picture=SAMPLES,
        picture_shows=f"Pictures drawn by this model in {sampling.steps} steps",
        more=_compared(compared, single=kind == "ladd"),
    )


def _compared(rows: Sequence[Drawn], *, single: bool) -> str:
    if not rows:
        return ""
    note = f"\n\n{ONE_STEP}" if single else ""
    return (
        "## Student and teacher\n\nThe same prompts from the same noise. A teacher with guidance asks its network "
        f"twice a step.\n\n{table(rows)}{note}"
    )
