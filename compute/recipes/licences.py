"""May a model under one licence be trained on a data set, or from a model, under another?

A first, cautious answer from the licence ids on the cards, before any compute is spent.
It is no legal advice: what it does not know, it asks the person to decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from compute.recipes.refusal import Refused

OPEN_DATA = (
    "cc0-", "cc-by-", "pddl", "odbl", "odc-by", "cdla-", "apache-", "mit", "bsd",
    "unlicense", "wtfpl", "openrail", "creativeml-openrail", "bigscience-openrail", "c-uda",
)  # fmt: skip
OVERRIDE = "accept_dataset_licence"
OPEN_MODELS = (
    *OPEN_DATA, "gpl", "lgpl", "agpl", "mpl", "isc", "zlib", "ncsa", "ecl-", "afl-", "artistic-", "openmdw",
    "bigcode-openrail", "bigscience-bloom-rail", "llama", "gemma", "stabilityai-", "deepfloyd-if", "flux-1-dev",
)  # fmt: skip
# Each of these asks that what is made from the model stays under terms of its kind.
PASSED_ON = ("llama", "gemma", "stabilityai-", "deepfloyd-if", "flux-1-dev", "cc-by-sa", "cc-by-nc-sa")
NO_TRAINING = ("all-rights-reserved", "proprietary", "confidential", "internal", "no-derivatives")
BASE_OVERRIDE = "accept_base_licence"


def require_trainable(*, dataset: str, dataset_licences: Sequence[str], model_licence: str, accepted: str = "") -> None:
    """Raises Refused when `dataset` must not shape a model under `model_licence`.

    `dataset_licences` are the ids on its card, none when it names none; `accepted` is the
    id that the person vouches for, used only where the card says nothing we know.
    """
    stated = [_normal(licence) for licence in dataset_licences if _normal(licence)]
    for licence in stated or [""]:
        if licence.startswith(OPEN_DATA):
            relied_on = licence
        else:
            relied_on = _vouched("data set", dataset, licence, accepted, OVERRIDE, "cc-by-4.0")
        _require_allowed(dataset, relied_on, _normal(model_licence))


def require_base(*, model: str, licences: Sequence[str], model_licence: str, accepted: str = "") -> None:
    """Raises Refused when nothing under `model_licence` may be made from `model`, as base or as frozen part.

    `licences` are the ids on its card, none when it names none; `accepted` is the id that the
    person vouches for, used only where the card says nothing we know.
    """
    stated = [_normal(licence) for licence in licences if _normal(licence)]
    for licence in stated or [""]:
        if licence.startswith((*OPEN_MODELS, *NO_TRAINING)):
            relied_on = licence
        else:
            relied_on = _vouched("model", model, licence, accepted, BASE_OVERRIDE, "apache-2.0")
        _require_base_allowed(model, relied_on, _normal(model_licence))


def _require_base_allowed(model: str, licence: str, model_licence: str) -> None:
    if forbids_changes(licence) or licence.startswith(NO_TRAINING):
        raise Refused(
            f"The model {model} is under {licence}, which forbids that something is made from it. "
            "Choose another base, or ask its owner for a licence that permits training."
        )
    if forbids_selling(licence) and not forbids_selling(model_licence):
        raise Refused(
            f"The model {model} is under {licence}, which forbids commercial use, but what is made from it "
            f"would be published under {model_licence}. Set 'publish.licence' to a non-commercial licence, or "
            "choose another base."
        )
    kin = next((kind for kind in PASSED_ON if licence.startswith(kind)), "rail" if "rail" in licence else "")
    if kin and kin not in model_licence:
        raise Refused(
            f"The model {model} is under {licence}, which asks that its terms stay with what is made from it, but "
            f"that would be published under {model_licence}. Set 'publish.licence' to {licence}, or choose "
            "another base."
        )


def forbids_changes(licence: str) -> bool:
    return "-nd" in _normal(licence)


def forbids_selling(licence: str) -> bool:
    name = _normal(licence)
    return "non-commercial" in name or not {"nc", "noncommercial", "research"}.isdisjoint(name.split("-"))


def _require_allowed(dataset: str, licence: str, model_licence: str) -> None:
    if forbids_changes(licence):
        raise Refused(
            f"The data set {dataset} is under {licence}, which forbids derived works. "
            "Choose another data set, or ask its owner for a licence that permits training."
        )
    if forbids_selling(licence) and not forbids_selling(model_licence):
        raise Refused(
            f"The data set {dataset} is under {licence}, which forbids commercial use, but the "
            f"model would be published under {model_licence}. Set 'publish.licence' to a "
            "non-commercial licence such as cc-by-nc-4.0, or choose another data set."
        )


def _vouched(what: str, name: str, licence: str, accepted: str, key: str, example: str) -> str:
    vouched = _normal(accepted)
    if not vouched:
        stated = f"names the licence {licence!r}, which is not known here" if licence else "names no licence"
        raise Refused(
            f"The card of the {what} {name} {stated}. Read its terms; if they permit "
            f"training, set '{key}' to the licence you rely on, for example {example}."
        )
    return vouched


def _normal(licence: str) -> str:
    return licence.strip().lower()
