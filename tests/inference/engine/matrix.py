"""Every family, task and sampler, with requests that have nothing in common but the model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.engine.engine import Engine
from inference.engine.requests import ModelKey, Request
from inference.engine.samplers import DIFFUSION, SPREADING
from tests.inference import pipelines
from tests.inference.engine.alone import drawn_alone, mask, photograph


@dataclass(frozen=True)
class Case:
    """What one model is asked to do, and the stock class that judges it."""

    model: str
    judge: str
    samplers: tuple[str | None, ...]
    more: dict[str, Any] = field(default_factory=dict)
    negative: str = "blue"

    @property
    def name(self) -> str:
        return self.judge.removesuffix("Pipeline") + (" of 9 channels" if self.model == "filling" else "")

    def requests(self) -> list[Request]:
        return [
            Request(
                ModelKey(self.model, "1"),
                ("a red circle", "a green square on black", "")[number % 3],
                seed=number + 1,
                steps=4 + number % 3,
                guidance=(1.0, 3.0, 5.0)[number % 3],
                negative_prompt=self.negative if number % 2 else "",
                scheduler=sampler,
                keep_latents=True,
                **self.more,
            )
            for number, sampler in enumerate(self.samplers)
        ]


REDRAWN = {"image": photograph(), "strength": 0.7}
ENLARGED = {"image": photograph(8), "noise_level": 30}
FILLED = {"image": photograph(), "mask": mask(), "strength": 0.8}
ALL, FLOWS = (None, *DIFFUSION), (None, "flow_euler", "flow_heun", None)
CASES = [
    Case("diffusion", "StableDiffusionPipeline", ALL),
    Case("diffusion", "StableDiffusionImg2ImgPipeline", ALL, REDRAWN),
    Case("diffusion", "StableDiffusionInpaintPipeline", ALL, FILLED),
    Case("filling", "StableDiffusionInpaintPipeline", ALL, FILLED | {"strength": 1.0}),
    Case("editing", "StableDiffusionInstructPix2PixPipeline", ALL, {"image": photograph()}),
    Case("xl", "StableDiffusionXLPipeline", ALL),
    Case("xl", "StableDiffusionXLImg2ImgPipeline", ALL, REDRAWN),
    Case("xl", "StableDiffusionXLInpaintPipeline", ALL, FILLED),
    Case("wide", "StableDiffusion3Pipeline", FLOWS),
    Case("wide", "StableDiffusion3Img2ImgPipeline", FLOWS, REDRAWN),
    Case("wide", "StableDiffusion3InpaintPipeline", FLOWS, FILLED),
    Case("latents-enlarged", "StableDiffusionUpscalePipeline", ALL, ENLARGED),
    Case("pixels-enlarged", "IFSuperResolutionPipeline", (None, *SPREADING, None, *SPREADING), ENLARGED),
    Case("guided", "FluxPipeline", (None, "flow_euler", None), negative=""),
]


class Folders:
    """The models of the matrix, each made when first asked for."""

    MAKERS = {
        "diffusion": pipelines.save_diffusion_pipeline,
        "filling": lambda folder: pipelines.save_diffusion_pipeline(folder, channels=9),
        "editing": lambda folder: pipelines.save_diffusion_pipeline(folder, channels=8),
        "xl": pipelines.save_xl_pipeline,
        "wide": pipelines.save_wide_flow_pipeline,
        "guided": pipelines.save_guided_flow_pipeline,
        "latent": pipelines.save_latent_pipeline,
        "latents-enlarged": pipelines.save_latent_enlarger,
        "pixels-enlarged": pipelines.save_pixel_enlarger,
    }

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        folder = self.root / key.repository
        return folder if folder.exists() else self.MAKERS[key.repository](folder)


@dataclass(frozen=True)
class Seen:
    """The largest difference of each sampler's latents, and how far calls were shared.

    `spreads` are the same in standard deviations of the latents, in the mean over all of them.
    """

    differences: dict[str, float]
    spreads: dict[str, float]
    calls: int
    row_steps: int


def compare(case: Case, folders: Folders, **engine: Any) -> Seen:
    """All requests of the case through one engine at once, and each alone through the stock pipeline."""
    requests = case.requests()
    with Engine(folders, **engine) as running:
        results = [handle.result(120) for handle in [running.submit(request) for request in requests]]
        counts = running.counts
    place = {name: engine[name] for name in ("device", "dtype") if name in engine}
    differences: dict[str, float] = {}
    spreads: dict[str, float] = {}
    for request, result in zip(requests, results, strict=True):
        expected = drawn_alone(case.judge, folders.folder(request.model), request, **place).cpu().float()
        name = request.scheduler or "its own"
        apart = (expected - result.latents.float()).abs()
        differences[name] = max(float(apart.max()), differences.get(name, 0.0))
        spreads[name] = max(float(apart.mean() / expected.std()), spreads.get(name, 0.0))
    return Seen(differences, spreads, counts.calls, counts.row_steps)
