"""The types inside the stripe package, as the judge of requests and answers."""

import pytest

from licensing.standin import operations, schema
from licensing.standin.errors import RequestRefused, WrongAnswer


def operation(name):
    return next(op for op in schema.operations(operations.SERVICES) if op.name == name)


LINE = {"quantity": "1", "price_data": {"currency": "usd", "unit_amount": "4900", "product_data": {"name": "x"}}}


def session_params(**fields):
    return {"mode": "payment", "success_url": "http://x/", "line_items": {"0": LINE}, **fields}


def test_the_whole_api_is_known():
    known = schema.all_operations()
    assert len(known) > 600
    assert {"checkout.Session.create", "Transfer.create", "Payout.create"} <= {op.name for op in known}


def test_a_form_becomes_typed_values():
    read = schema.read_params(
        operation("checkout.Session.create"),
        session_params(metadata={"0": "a"}, expand={"0": "line_items"}, allow_promotion_codes="true"),
    )
    assert read["line_items"] == [
        {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 4900, "product_data": {"name": "x"}}}
    ]
    assert read["metadata"] == {"0": "a"}  # a dictionary stays one, even with numbers for names
    assert read["expand"] == ["line_items"]
    assert read["allow_promotion_codes"] is True
    created = schema.read_params(operation("Event.list"), {"created": {"gte": "5"}, "types": {"0": "a.b"}})
    assert created == {"created": {"gte": 5}, "types": ["a.b"]}
    assert schema.read_params(operation("Event.list"), {"created": "5"}) == {"created": 5}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"sucess_url": "http://x/"}, "sucess_url", "parameter_unknown"),
        ({"payment_method_types": {"0": "card"}}, "payment_method_types", "parameter_unknown"),
        ({"api_key": "sk_test_x"}, "api_key", "parameter_unknown"),
        ({"mode": "rent"}, "mode", "parameter_invalid_enum"),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"allow_promotion_codes": "yes"}, "allow_promotion_codes", "parameter_invalid_boolean"),
        ({"line_items": {"0": {"quantity": "1", "dynamic_tax_rates": {"0": "x"}}}},
         "line_items[0][dynamic_tax_rates]", "parameter_unknown"),
        ({"line_items": {"0": {"price_data": {"unit_amount": "1"}}}},
         "line_items[0][price_data][currency]", "parameter_missing"),
        ({"line_items": {"1": LINE}}, "line_items", "parameter_invalid_list"),
        ({"success_url": {"a": "b"}}, "success_url", "parameter_invalid_string"),
        ({"allowed_payment_method_types": {"0": "gold"}},
         "allowed_payment_method_types[0]", "parameter_invalid_enum"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit_are_named(fields, param, code):
    with pytest.raises(RequestRefused) as refused:
        schema.read_params(operation("checkout.Session.create"), session_params(**fields))
    assert (refused.value.param, refused.value.code, refused.value.status) == (param, code, 400)


REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 5,
    "charge": "ch_1",
    "created": 1,
    "currency": "usd",
    "metadata": {},
    "status": "succeeded",
}


def test_an_answer_that_fits():
    schema.check_answer(operation("Refund.create"), REFUND)
    page = {"object": "list", "data": [REFUND], "has_more": False, "url": "/v1/refunds"}
    schema.check_answer(operation("Refund.list"), page)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "5"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": None}, "amount"),
        ({"object": "charge"}, "object"),
        ({"colour": "red"}, "colour"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"reason": "boredom"}, "reason"),
        ({"charge": ["ch_1"]}, "charge"),
        ({"charge": {"object": "charge", "id": "ch_1"}}, "charge.amount"),
    ],
)
def test_a_wrong_answer_is_caught(change, field):
    with pytest.raises(WrongAnswer, match=field):
        schema.check_answer(operation("Refund.create"), {**REFUND, **change})


def test_a_missing_field_is_caught():
    with pytest.raises(WrongAnswer, match=r"refund\.currency is missing"):
        schema.check_snapshot({name: value for name, value in REFUND.items() if name != "currency"})
