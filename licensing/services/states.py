"""The one function that moves offers, orders and grants from state to state."""

from collections.abc import Collection, Mapping
from typing import cast

from django.utils.translation import gettext as _

from common.errors import Conflict
from licensing.enums import GRANT_MOVES, OFFER_MOVES, ORDER_MOVES, GrantState, OfferState, OrderState
from licensing.models import GrantOfUse, Offer, Order

_MOVES: dict[type, tuple[type, Mapping]] = {
    Offer: (OfferState, OFFER_MOVES),
    Order: (OrderState, ORDER_MOVES),
    GrantOfUse: (GrantState, GRANT_MOVES),
}


def move(thing: Offer | Order | GrantOfUse, to: OfferState | OrderState | GrantState) -> None:
    """Set the state of a locked row; the caller saves it. Raises Conflict for a move that is not allowed."""
    states, moves = _MOVES[type(thing)]
    now = states(thing.state)
    if to not in cast("Collection[object]", moves[now]):
        raise Conflict(
            _("This is not possible in the state “%(state)s”.") % {"state": now.label},
            code="wrong_state",
            state=now.value,
        )
    thing.state = to.value
