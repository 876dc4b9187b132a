"""The schedule of both stages, and what a learned variance costs (arXiv 2102.09672)."""

from __future__ import annotations

import math

from diffusers import DDPMScheduler
from torch import Tensor


def build_scheduler(prediction: str) -> DDPMScheduler:
    """Cosine, with a variance that the network chooses between its bounds; saved with the model."""
    return DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        variance_type="learned_range",
        prediction_type=prediction,
        # Where all is noise, noise as the answer says nothing of the picture: drawing begins a step later then.
        timestep_spacing="trailing" if prediction == "v_prediction" else "leading",
        clip_sample=True,
    )


def seen(scheduler: DDPMScheduler, noisy: Tensor, answer: Tensor, times: Tensor) -> Tensor:
    """The pictures that a network sees in `noisy` when it answers so."""
    kept = scheduler.alphas_cumprod.to(times.device)[times][:, None, None, None]
    if scheduler.config.prediction_type == "v_prediction":
        return kept.sqrt() * noisy - (1.0 - kept).sqrt() * answer
    return (noisy - (1.0 - kept).sqrt() * answer) / kept.sqrt()


def variational_bound(
    scheduler: DDPMScheduler, pictures: Tensor, drawn: Tensor, spread: Tensor, times: Tensor, *, stride: int
) -> Tensor:
    """Bits that a step of `stride` times costs, when `drawn` is seen and the spread (-1..1) is chosen.

    Only the spread learns from it: the answer has a loss of its own. The last step has no spread.
    The stride is that of drawing. Over one time the bounds of the variance hardly differ, so that next to nothing
    is learned between them; over forty they differ tenfold, and what nobody learned there stays in the picture.
    """
    kept = scheduler.alphas_cumprod.to(times.device)
    later = times.clamp(min=stride)  # what is not counted below must still be finite
    now, before = kept[later][:, None, None, None], kept[later - stride][:, None, None, None]
    beta = 1.0 - now / before
    least = ((1.0 - before) / (1.0 - now) * beta).clamp(min=1e-20)
    share = (spread + 1.0) / 2.0
    log_variance = share * beta.log() + (1.0 - share) * least.log()
    # Both means lie between picture and noisy picture, equally far along: what differs is the picture.
    apart = before.sqrt() * beta / (1.0 - now) * (pictures - drawn.detach().clamp(-1.0, 1.0))
    excess = least.log() - log_variance
    bits = 0.5 * (excess.exp() - excess - 1.0 + apart.square() * (-log_variance).exp()) / math.log(2.0)
    return (bits.mean(dim=(1, 2, 3)) * (times >= stride)).mean()
