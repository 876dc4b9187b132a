"""Which model does what, by its files: read once for each version."""

from collections.abc import Iterable
from itertools import islice

from accounts.principal import Principal
from hub.models import Repository
from inference.enums import Task
from inference.selectors.models import models_for, tasks_of

LOOKED_AT = 50  # models, the newest first


def models_by_task(models: Iterable[Repository]) -> dict[Task, Repository]:
    """The first of these that does each task; a task that none of the first LOOKED_AT does is missing."""
    found: dict[Task, Repository] = {}
    for model in islice(models, LOOKED_AT):
        for task in tasks_of(model, model.head):
            found.setdefault(task, model)
        if len(found) == len(Task):
            break
    return found


def enlarging_model(principal: Principal) -> Repository | None:
    """The newest one that enlarges images."""
    found = models_for(principal, tasks=[Task.UPSCALE])[:LOOKED_AT]
    return next((one for one in found if Task.UPSCALE in tasks_of(one, one.head)), None)
