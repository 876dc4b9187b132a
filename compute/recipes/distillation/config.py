"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig, require_one_place
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig
from compute.recipes.refusal import Refused
from compute.recipes.training.config import RecipeConfig, SourceConfig, require_sensible_loop


@dataclass(frozen=True)
class TeachingConfig:
    """How the teacher draws: for `ladd` the pictures to learn from, for both what it is compared by."""

    pictures: int = 2048  # ladd: drawn once, of the data set's captions
    steps: int = 12
    guidance: float = 2.0  # add: also of the teacher's answers that the student is held to


@dataclass(frozen=True)
class ModelConfig:
    """`ladd` is for bases with rectified flow, `add` for Stable Diffusion."""

    kind: Literal["ladd", "add"] = "ladd"
    steps: int = 4  # in which the student learns to draw
    shift: float = 1.0  # ladd: of the student's times
    last_time: float = 0.25  # ladd: where the last of several steps begins; 1 is pure noise
    head_width: int = 64  # channels in each head of the discriminator
    blocks: tuple[int, ...] = ()  # ladd: of the teacher, from 0, after which a head looks; none: all
    feature_steps: int = 150  # add: in which the features that the heads look at are learned


@dataclass(frozen=True)
class TrainingConfig(DiffusionConfig):
    condition_dropout: float = 0.0  # a student draws without guidance
    adversarial_weight: float = 1.0
    adversarial_start: int = 0  # step; before it the discriminator learns alone
    paired_weight: float = 0.0  # ladd: of the distance to what the teacher drew from the same noise
    distillation_weight: float = 0.0  # of the distance to the teacher's answer to the student's picture
    discriminator_rate: float = 1.0  # times the learning rate
    noise_mean: float = 1.0  # ladd: of the logit-normal noise levels at which the teacher looks
    noise_deviation: float = 1.0
    whole_noise: float = 0.5  # share of rows drawn from pure noise, beside their share of all times
    first_times: float = 0.1  # share of training, at its start, in which all rows are drawn from pure noise


@dataclass(frozen=True)
class Config(RecipeConfig):
    dataset: PicturesConfig = field(default_factory=lambda: PicturesConfig(caption_column="caption"))
    teacher: SourceConfig = field(default_factory=SourceConfig)
    # A student to go on with, whose network is like the teacher's; the discriminator begins anew.
    earlier: SourceConfig = field(default_factory=SourceConfig)
    teaching: TeachingConfig = field(default_factory=TeachingConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(steps=4, guidance=1.0))


def require_distillable(config: Config) -> None:
    """Raises Refused for a configuration that cannot work."""
    require_one_place(config.dataset)
    require_sensible_loop(config.training)
    training = config.training
    if not config.dataset.caption_column:
        raise Refused("Set 'dataset.caption_column': teacher and student draw what captions ask for.")
    if config.model.steps < 1 or config.teaching.pictures < 1:
        raise Refused("'model.steps' and 'teaching.pictures' must be at least 1.")
    paired = training.paired_weight if config.model.kind == "ladd" else 0.0
    if not (training.adversarial_weight or training.distillation_weight or paired):
        raise Refused("Set 'training.adversarial_weight' or another weight: without one nothing is learned.")
    if not 0.0 < config.model.last_time < 1.0:
        raise Refused("'model.last_time' lies between 0 and 1.")
