"""Inside the worker: a sound as it came from the engine, as the file that is kept and what there is to see of it."""

import hashlib
from typing import TYPE_CHECKING

from hub.algorithms import spectrograms
from inference.algorithms import wav
from inference.models import Generation
from inference.services.marking import seal_sound
from inference.services.running import Drawn

if TYPE_CHECKING:
    from inference.engine.requests import Result

WIDTH, HEIGHT = 512, 256  # of the spectrogram


def sounded(generation: Generation, result: "Result") -> Drawn:
    sound = result.sound
    samples = wav.sampled(sound.samples, sound.rate)
    sealed = seal_sound(samples, result.parameters, generation=generation)
    seen = spectrograms.picture(sound.samples.mean(axis=0), sound.rate, width=WIDTH, height=HEIGHT)
    return Drawn(
        sealed.content,
        hashlib.sha256(sealed.content).hexdigest(),
        WIDTH,
        HEIGHT,
        sealed.parameters,
        drawn_sha256=sealed.drawn_sha256,
        mark=sealed.mark,
        credentials_failure=sealed.credentials_failure,
        seconds=samples.seconds,
        spectrogram=spectrograms.png(seen),
    )
