"""Whether the tables of a data set are ready to be looked at."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ViewState(TextChoices):
    """Whether the tables of a data set have been looked at."""

    WAITING = "waiting", _("being prepared")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


# A view that is there may be asked for anew, when a file that was made for it is gone.
VIEW_MOVES: dict[ViewState, frozenset[ViewState]] = {
    ViewState.WAITING: frozenset({ViewState.READY, ViewState.FAILED}),
    ViewState.READY: frozenset({ViewState.WAITING}),
    ViewState.FAILED: frozenset({ViewState.WAITING}),
}
