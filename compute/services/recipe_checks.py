"""A job that runs a recipe is refused before it costs anything where it could only fail, or fail at its very end.

The program asks the same again when it starts. What cannot be seen here (its own files, another's token) is left to it.
"""

from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Forbidden, Invalid, NotFound, Refusal
from compute.algorithms.recipe_commands import Inputs, inputs_of, require_known
from compute.recipes.refusal import Refused
from compute.services.recipe_licences import require_licences
from hub.enums.repositories import RepositoryKind
from hub.selectors.access import require_contents
from hub.selectors.repositories import repository_for


def require_runnable(argv: list[str], *, namespace: Namespace, by: Principal, has_own_token: bool) -> None:
    """Raises Invalid for what the program does not know, NotFound or Forbidden for data that the person may not read,
    Forbidden where the model could not be pushed, and Invalid where a licence forbids it."""
    try:
        require_known(argv)
    except Refused as refusal:
        raise Invalid(str(refusal), hint=_("Correct the command and submit it again."), code="recipe_refused") from (
            refusal
        )
    inputs = inputs_of(argv)
    if inputs is None:
        return
    if not has_own_token:
        _require_data(inputs, by)
        _require_target(inputs, namespace, by)
    require_licences(inputs, by=by)


def _require_data(inputs: Inputs, by: Principal) -> None:
    if not inputs.dataset:
        return
    try:
        repository = repository_for(by, RepositoryKind.DATASET, inputs.dataset)
    except Refusal as refusal:
        raise NotFound(
            _("There is no data set %(name)s that you may read.") % {"name": inputs.dataset},
            hint=_("Check “dataset.id” in the command."),
        ) from refusal
    require_contents(by, repository)


def _require_target(inputs: Inputs, namespace: Namespace, by: Principal) -> None:
    """A job pushes under the one name that it runs for."""
    if not inputs.target:
        return
    target = inputs.target if "/" in inputs.target else f"{by}/{inputs.target}"
    owner = target.partition("/")[0]
    if owner.lower() != namespace.name.lower():
        raise Forbidden(
            _("The model could not be pushed to %(target)s: a job of %(namespace)s writes under that name alone.")
            % {"target": target, "namespace": namespace.name},
            hint=_("Change “publish.repo_id”, or submit the job for %(owner)s if you may.") % {"owner": owner},
        )
    if not inputs.private:
        return
    try:
        repository = repository_for(by, RepositoryKind.MODEL, target)
    except Refusal:
        return
    if not repository.is_private:
        raise Invalid(
            _("%(target)s is public, and “publish.private” is true.") % {"target": target},
            hint=_("Make the repository private, or name another one."),
        )
