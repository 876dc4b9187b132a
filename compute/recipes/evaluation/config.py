"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from compute.recipes.data.config import PicturesConfig, require_one_place
from compute.recipes.refusal import Refused
from compute.recipes.training.config import SourceConfig

FEWEST = 8  # pictures from which a distance between distributions is told


@dataclass(frozen=True)
class DrawingConfig:
    """How the model draws. The captions are those of the reference pictures, picture i from noise of seed + i."""

    pictures: int = 256
    prompts: int = 64  # of the shapes data, for `prompt_accuracy`
    steps: int = 20
    guidance: float = 3.0
    together: int = 16  # pictures in one call


@dataclass(frozen=True)
class Config:
    """`encoder` is a CLIPModel, as the recipe `contrastive` makes it: whose features are compared is told
    with every number. The reference pictures are those of `dataset.test_split`."""

    seed: int = 0
    output: str = "output"
    model: SourceConfig = field(default_factory=SourceConfig)
    encoder: SourceConfig = field(default_factory=SourceConfig)
    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    metrics: tuple[Literal["fid", "kid", "alignment", "prompt_accuracy", "speed"], ...] = ("fid", "kid", "alignment")
    drawing: DrawingConfig = field(default_factory=DrawingConfig)
    device: str = ""  # empty: cuda when there is one, else cpu
    threads: int = 0  # 0: as many as this process may use
    publish: bool = False  # writes the results into the model's card on the hub

    @property
    def folder(self) -> Path:
        return Path(self.output)

    @property
    def compares(self) -> bool:
        """Whether pictures of the data set and an encoder are needed."""
        return not {"fid", "kid", "alignment"}.isdisjoint(self.metrics)


def require_sensible(config: Config) -> None:
    """Raises Refused for values that are of the right type and still cannot work."""
    drawing = config.drawing
    if not config.metrics:
        raise Refused("Set 'metrics' to at least one.")
    if min(drawing.pictures, drawing.prompts, drawing.steps, drawing.together) < 1:
        raise Refused("Every number of 'drawing' must be at least 1.")
    if config.compares:
        require_one_place(config.dataset)
        if not config.dataset.caption_column:
            raise Refused("Set 'dataset.caption_column': the model draws what the captions say.")
        if drawing.pictures < FEWEST:
            raise Refused(f"'drawing.pictures' must be at least {FEWEST}: of fewer, distances say nothing.")
    if config.publish and Path(config.model.id).is_dir():
        raise Refused("A folder has no card on the hub. Set 'model.id' to the model's name, or 'publish' to false.")
