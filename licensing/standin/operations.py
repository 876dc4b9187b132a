"""The operations that the stand-in serves, each with the parameters it understands.

A parameter that Stripe has and the stand-in does not understand is refused loudly (501), never
ignored: an ignored parameter would make a test pass that fails against Stripe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import balance, disputes, payments, schema, sessions
from .errors import ApiError, NotImitated
from .world import World

SERVICES = (
    "stripe.checkout._session_service",
    "stripe.checkout._session_line_item_service",
    "stripe._payment_intent_service",
    "stripe._charge_service",
    "stripe._refund_service",
    "stripe._dispute_service",
    "stripe._event_service",
    "stripe._balance_service",
    "stripe._balance_transaction_service",
)
_PAGE = {"limit", "starting_after", "ending_before"}
_CREATED = {"created", "created.gt", "created.gte", "created.lt", "created.lte"}
_METADATA = frozenset({"metadata"})

Handler = Callable[[World, dict[str, str], dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Served:
    handler: Handler
    understood: frozenset[str]


_SERVED: dict[str, Served] = {}


def _serves(name: str, *understood: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _SERVED[name] = Served(handler, frozenset(understood) | {"expand"})
        return handler

    return register


def find(method: str, path: str) -> tuple[schema.Operation, dict[str, str]]:
    """The operation meant and the ids in its path; ApiError(404), or 501 naming what is not served."""
    for operation in schema.operations(SERVICES):
        ids = operation.match(method, path)
        if ids is not None:
            if operation.name in _SERVED:
                return operation, ids
            raise NotImitated(f"the operation {operation.name} ({method.upper()} {operation.path})")
    for operation in schema.all_operations():
        if operation.match(method, path) is not None:
            raise NotImitated(f"the operation {operation.name} ({method.upper()} {operation.path})")
    raise ApiError(
        404,
        f"Unrecognized request URL ({method.upper()}: {path}). API version {schema.API_VERSION} "
        "has no such operation: check the method and the path.",
    )


def perform(world: World, operation: schema.Operation, ids: dict[str, str], raw: dict[str, Any]) -> dict[str, Any]:
    """Check the parameters, act, expand, check the answer. Raises ApiError or WrongAnswer."""
    params = schema.read_params(operation, raw)
    served = _SERVED[operation.name]
    _refuse_not_understood(params, served.understood)
    _check_metadata(params)
    answer = served.handler(world, ids, params)
    shown: dict[str, Any] = world.present(answer)
    for path in params.get("expand") or []:
        _expand(world, shown, path, schema.expandable(operation))
    schema.check_answer(operation, shown)
    return shown


def _names(params: Any, within: str = "") -> set[str]:
    """Dotted names of all parameters: line_items.price_data.currency; inside metadata all is one."""
    if isinstance(params, list):
        return set().union(*(_names(member, within) for member in params))
    if not isinstance(params, dict) or within.rpartition(".")[2] in _METADATA:
        return {within}
    inner = (_names(value, f"{within}.{name}" if within else name) for name, value in params.items())
    return set().union(*inner)


def _refuse_not_understood(params: dict[str, Any], understood: frozenset[str]) -> None:
    for name in sorted(_names(params) - understood - {""}):
        raise NotImitated(f"the parameter {name}")


def _check_metadata(params: dict[str, Any], within: str = "") -> None:
    """Stripe's limits: 50 keys, keys of 40 characters, values of 500."""
    for name, value in params.items():
        param = f"{within}[{name}]" if within else name
        if name in _METADATA and isinstance(value, dict):
            if len(value) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in value.items()):
                raise ApiError(
                    400,
                    "Metadata takes at most 50 keys of 40 characters with values of 500.",
                    code="parameter_invalid",
                    param=param,
                )
        elif isinstance(value, dict):
            _check_metadata(value, param)


def _expand(world: World, shown: dict[str, Any], path: str, kind: Any) -> None:
    """Put the object itself where its id stands, along a path such as payment_intent.latest_charge."""
    if path.count(".") > 4:
        raise ApiError(400, "Expand at most four levels deep.", param="expand")
    field, _, rest = path.partition(".")
    if shown.get("object") == "list" and field == "data":
        for member in shown["data"]:
            _expand(world, member, rest, kind)
        return
    classes = schema.expansion_of(kind, field)
    if not classes:
        raise ApiError(
            400,
            f"This property cannot be expanded ({field}). Expand only ids of other objects.",
            param="expand",
        )
    value = shown.get(field)
    if shown.get("object") == "checkout.session" and field == "line_items":
        value = _whole_list(sessions.line_items(world, shown["id"]), "/v1/checkout/sessions/line_items")
        shown[field] = world.present(value)
    elif isinstance(value, str):
        shown[field] = _fetched(world, classes, value)
    elif value is None:
        return
    if rest:
        inner = next(k for k in classes if _fits(k, shown[field]))
        _expand(world, shown[field], rest, inner)


def _fits(kind: Any, value: dict[str, Any]) -> bool:
    return bool(value["object"] == kind.OBJECT_NAME)


def _fetched(world: World, classes: list[Any], object_id: str) -> Any:
    for kind in classes:
        found = world.store.find(kind.OBJECT_NAME, object_id)
        if found is not None:
            return world.present(found)
    raise NotImitated(f"the object {object_id}")


def _whole_list(members: list[dict[str, Any]], url: str, *, has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": members, "has_more": has_more, "url": url}


def _limit(params: dict[str, Any]) -> int:
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError(400, "limit must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
    return int(limit)


def _place(world: World, params: dict[str, Any], name: str) -> int | None:
    if name not in params:
        return None
    seq = world.store.seq(params[name])
    if seq is None:
        raise ApiError(400, f"No such object: '{params[name]}'.", code="resource_missing", param=name)
    return seq


_COMPARE = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _page(world: World, kind: str, url: str, params: dict[str, Any], *equal: str) -> dict[str, Any]:
    """A page of a collection, newest first, filtered by equality and by `created`."""
    where: list[tuple[str, Any]] = [
        (f"json_extract(body, '$.{name}') = ?", params[name]) for name in equal if name in params
    ]
    created = params.get("created", {})
    bounds = created if isinstance(created, dict) else {"gte": created, "lte": created}
    where += [(f"created {_COMPARE[name]} ?", value) for name, value in bounds.items()]
    if "types" in params:
        marks = ", ".join("?" for _ in params["types"])
        where.append((f"json_extract(body, '$.type') IN ({marks})", params["types"]))
    found, has_more = world.store.page(
        kind,
        where,
        limit=_limit(params),
        after=_place(world, params, "starting_after"),
        before=_place(world, params, "ending_before"),
    )
    return _whole_list(found, url, has_more=has_more)


@_serves(
    "checkout.Session.create",
    "mode", "ui_mode", "success_url", "cancel_url", "client_reference_id", "customer_email",
    "expires_at", "locale", "metadata", "submit_type", "allowed_payment_method_types",
    "line_items.quantity", "line_items.metadata",
    "line_items.price_data.currency", "line_items.price_data.unit_amount",
    "line_items.price_data.product_data.name", "line_items.price_data.product_data.description",
    "payment_intent_data.metadata", "payment_intent_data.description",
    "payment_intent_data.receipt_email",
)  # fmt: skip
def _create_session(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return sessions.create(world, params)


@_serves("checkout.Session.retrieve")
def _retrieve_session(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("checkout.session", ids["session"])


@_serves("checkout.Session.list", "payment_intent", "status", *_PAGE, *_CREATED)
def _list_sessions(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(world, "checkout.session", "/v1/checkout/sessions", params, "payment_intent", "status")


@_serves("checkout.Session.expire")
def _expire_session(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return sessions.expire(world, world.get("checkout.session", ids["session"]))


@_serves("checkout.SessionLineItem.list", "limit")
def _list_line_items(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    session = world.get("checkout.session", ids["session"])
    items, limit = sessions.line_items(world, session["id"]), _limit(params)
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return _whole_list(items[:limit], url, has_more=len(items) > limit)


@_serves("PaymentIntent.retrieve")
def _retrieve_intent(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("payment_intent", ids["intent"])


@_serves("PaymentIntent.list", *_PAGE, *_CREATED)
def _list_intents(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(world, "payment_intent", "/v1/payment_intents", params)


@_serves("Charge.retrieve")
def _retrieve_charge(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("charge", ids["charge"])


@_serves("Charge.list", "payment_intent", *_PAGE, *_CREATED)
def _list_charges(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(world, "charge", "/v1/charges", params, "payment_intent")


@_serves("Refund.create", "amount", "charge", "payment_intent", "reason", "metadata")
def _create_refund(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return payments.refund(world, params)


@_serves("Refund.retrieve")
def _retrieve_refund(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("refund", ids["refund"])


@_serves("Refund.list", "charge", "payment_intent", *_PAGE, *_CREATED)
def _list_refunds(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(world, "refund", "/v1/refunds", params, "charge", "payment_intent")


@_serves("Dispute.retrieve")
def _retrieve_dispute(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("dispute", ids["dispute"])


@_serves("Dispute.list", "charge", "payment_intent", *_PAGE, *_CREATED)
def _list_disputes(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(world, "dispute", "/v1/disputes", params, "charge", "payment_intent")


@_serves("Dispute.close")
def _accept_dispute(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return disputes.close_dispute(world, ids["dispute"], won=False)


@_serves("Event.retrieve")
def _retrieve_event(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("event", ids["id"])


@_serves("Event.list", "type", "types", *_PAGE, *_CREATED)
def _list_events(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(world, "event", "/v1/events", params, "type")


@_serves("Balance.retrieve")
def _retrieve_balance(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return balance.read(world)


@_serves("BalanceTransaction.retrieve")
def _retrieve_balance_transaction(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return world.get("balance_transaction", ids["id"])


@_serves("BalanceTransaction.list", "currency", "source", "type", *_PAGE, *_CREATED)
def _list_balance_transactions(world: World, ids: dict[str, str], params: dict[str, Any]) -> Any:
    return _page(
        world,
        "balance_transaction",
        "/v1/balance_transactions",
        params,
        "currency", "source", "type",
    )  # fmt: skip
