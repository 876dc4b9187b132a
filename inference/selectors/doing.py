"""Which model does what, by its files: read once for each version."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from accounts.principal import Principal
from hub.models import Repository
from inference.enums import Task
from inference.selectors.generations import models_for, profile

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
    """The newest one that enlarges images; only what its card says takes images is looked at."""
    found = models_for(principal, tags=["image-to-image"])[:LOOKED_AT]
    return next((one for one in found if Task.UPSCALE in tasks_of(one, one.head)), None)


@lru_cache(maxsize=2048)
def tasks_of(repository: Repository, commit: str) -> tuple[Task, ...]:
    """Of one version, which never changes; empty for what is no pipeline."""
    known = profile(repository, commit)
    return () if known is None else known.tasks
