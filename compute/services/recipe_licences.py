"""A job that runs a recipe is refused before it costs anything where a licence of its inputs forbids it.

The program asks the same again when it starts: it knows its whole configuration, and exact commits.
"""

from typing import Any

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Invalid, Refusal
from compute.algorithms.recipe_commands import Inputs
from compute.recipes.licences import forbids_changes, require_base, require_trainable
from compute.recipes.refusal import Refused
from hub.enums.repositories import RepositoryKind
from hub.selectors.repositories import repository_for


def require_licences(inputs: Inputs, *, by: Principal) -> None:
    """Raises Invalid with what the program would say. What cannot be seen here is left to the program."""
    try:
        data = _licences(RepositoryKind.DATASET, inputs.dataset, by)
        if data is not None and (inputs.licence is not None or any(map(forbids_changes, data))):
            require_trainable(
                dataset=inputs.dataset,
                dataset_licences=data,
                model_licence=inputs.licence or "",
                accepted=inputs.accepted_dataset,
            )
        for name in inputs.bases:
            base = _licences(RepositoryKind.MODEL, name, by)
            if base is not None and (inputs.licence is not None or any(map(forbids_changes, base))):
                require_base(
                    model=name, licences=base, model_licence=inputs.licence or "", accepted=inputs.accepted_base
                )
    except Refused as refusal:
        raise Invalid(
            str(refusal),
            hint=_("The licences stand on the cards of the data set and the models that the recipe starts from."),
            code="licence_forbids",
        ) from refusal


def _licences(kind: RepositoryKind, name: str, by: Principal) -> list[str] | None:
    """The ids on the card of a repository here that the person may see; None without one."""
    if not name:
        return None
    try:
        card: dict[str, Any] = repository_for(by, kind, name).card
    except Refusal:
        return None
    stated = card.get("license") or []
    return [stated] if isinstance(stated, str) else [str(each) for each in stated]
