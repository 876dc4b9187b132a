"""Inside the worker: what the policy says of finished pictures, by the classifier that it names."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from accounts.principal import Principal
from inference.algorithms import policy
from inference.models import Generation
from inference.selectors.safety import age_of, policy_in_force

if TYPE_CHECKING:
    from PIL.Image import Image

    from inference.engine.classifier import Classifier

_lock = threading.Lock()
_classifier: "Classifier | None" = None


def look(generation: Generation, pictures: "list[Image]") -> policy.Verdict | None:
    """By the policy that is in force now; None where nothing looks at pictures.

    Raises ModelRefused where the classifier cannot be brought or loaded.
    """
    rules = policy_in_force()
    if rules.classifier is None:
        return None
    from inference.engine.requests import ModelKey  # noqa: PLC0415 - slow import: torch belongs to workers only

    scores = the_classifier().scores(ModelKey(rules.classifier.model, rules.classifier.commit), pictures)
    age = age_of(Principal(user=generation.owner))
    prompt = policy.verdict(generation.words, by=rules, age=age)
    return policy.look(prompt, scores, by=rules, age=age)


def the_classifier() -> "Classifier":
    """This process's, made when first needed."""
    global _classifier  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _classifier is None:
            from inference.engine.classifier import CLASSIFIER_FILES, Classifier  # noqa: PLC0415 - slow import
            from inference.engine.downloads import Downloads  # noqa: PLC0415
            from inference.engine.engine import best_device  # noqa: PLC0415

            folder = Path(settings.MODELS_ROOT) / "classifiers"
            downloads = Downloads(folder, endpoint=settings.BASE_URL, files=CLASSIFIER_FILES)
            device = best_device() if settings.ENGINE_DEVICE == "auto" else settings.ENGINE_DEVICE
            _classifier = Classifier(downloads, device=device)
        return _classifier
