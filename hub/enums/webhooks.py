"""What webhooks hear of, and where their deliveries stand."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Domain(TextChoices):
    """What a webhook wants to hear of. The value is the protocol's word for it."""

    REPO = "repo", _("repositories and their files")
    DISCUSSION = "discussion", _("discussions and pull requests")


class WatchedKind(TextChoices):
    """What a webhook can watch. The value is the protocol's word for it."""

    USER = "user", _("person")
    ORGANISATION = "org", _("organisation")
    MODEL = "model", _("model")
    DATASET = "dataset", _("data set")
    SPACE = "space", _("space")
    KERNEL = "kernel", _("kernel")


class DeliveryState(TextChoices):
    """Where the delivery of an event stands."""

    WAITING = "waiting", _("waiting")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("given up")
    WITHHELD = "withheld", _("withheld")


# What may follow what: a person may send again what was delivered or given up.
DELIVERY_MOVES: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.WITHHELD}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.WAITING}),
    DeliveryState.FAILED: frozenset({DeliveryState.WAITING}),
    DeliveryState.WITHHELD: frozenset(),
}
