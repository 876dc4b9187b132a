"""What `InferenceClient(model=URL).text_to_speech(text)` asks of a model that makes sounds out of noise.

Its text becomes a label: it is kept with the sound, has no influence on it, and the answer says so.
"""

from typing import Any

from django.utils.translation import gettext as _

from accounts.principal import Principal
from inference import selectors
from inference.api import reading
from inference.errors import Unprocessable
from inference.services.loras import version_named
from inference.services.planning import Wanted

TEXT_INFLUENCE = "none; kept as label"
PARAMETERS = ("seed", "num_inference_steps", "audio_length_in_s", "step_reuse")


def makes_sounds(principal: Principal, name: str) -> bool:
    """Whether the newest version of this model does, by its files: a card can say anything. Raises the hub's
    refusals."""
    repository, commit = version_named(principal, name, "main", field="model")
    profile = selectors.profile(repository, commit)
    return profile is not None and profile.sound is not None


def sound_wanted(body: dict[str, Any], parameters: dict[str, Any]) -> Wanted:
    """Raises Unprocessable for parameters of speech, which would have no influence either."""
    for name, value in parameters.items():
        if name not in PARAMETERS and value is not None:
            raise Unprocessable(
                _("This model takes no %(field)s.") % {"field": name[:40]},
                hint=_("Use: %(names)s.") % {"names": ", ".join(PARAMETERS)},
                field=name[:40],
            )
    return Wanted(
        prompt="",
        label=reading.text(body, "inputs"),
        seed=reading.whole(parameters, "seed"),
        steps=reading.whole(parameters, "num_inference_steps"),
        seconds=reading.real(parameters, "audio_length_in_s"),
        step_reuse=reading.text(parameters, "step_reuse"),
    )
