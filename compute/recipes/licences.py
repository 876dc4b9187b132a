"""May a model under one licence be trained on a data set under another?

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


def require_trainable(*, dataset: str, dataset_licences: Sequence[str], model_licence: str, accepted: str = "") -> None:
    """Raises Refused when `dataset` must not shape a model under `model_licence`.

    `dataset_licences` are the ids on its card, none when it names none; `accepted` is the
    id that the person vouches for, used only where the card says nothing we know.
    """
    stated = [_normal(licence) for licence in dataset_licences if _normal(licence)]
    for licence in stated or [""]:
        relied_on = licence if _is_known(licence) else _vouched(dataset, licence, accepted)
        _require_allowed(dataset, relied_on, _normal(model_licence))


def forbids_changes(licence: str) -> bool:
    return "-nd" in _normal(licence)


def forbids_selling(licence: str) -> bool:
    parts = _normal(licence).split("-")
    return "nc" in parts or "noncommercial" in parts or "research" in parts


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


def _vouched(dataset: str, licence: str, accepted: str) -> str:
    vouched = _normal(accepted)
    if not vouched:
        stated = f"names the licence {licence!r}, which is not known here" if licence else "names no licence"
        raise Refused(
            f"The card of the data set {dataset} {stated}. Read its terms; if they permit "
            f"training, set '{OVERRIDE}' to the licence you rely on, for example cc-by-4.0."
        )
    return vouched


def _is_known(licence: str) -> bool:
    return licence.startswith(OPEN_DATA)


def _normal(licence: str) -> str:
    return licence.strip().lower()
