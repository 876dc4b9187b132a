"""Turns of tenants, places in the line, and how long waiting takes."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.engine.engine import Engine
from inference.engine.line import Line
from inference.engine.pace import Pace
from inference.engine.requests import DeadlinePassed, EngineFull, Handle, ModelKey, Request
from inference.engine.rows import Row
from inference.engine.suspended import Suspended

FLOW, OTHER = ModelKey("flow", "1"), ModelKey("other", "1")


def request(tenant="", **changes):
    asked = {"model": FLOW, "prompt": "a red circle", "seed": 1, "steps": 3, "guidance": 2.0}
    return Request(**(asked | changes), tenant=tenant)


def joined(line, tenants):
    handles = [Handle(request(tenant)) for tenant in tenants]
    for handle in handles:
        line.join(handle).loaded = object()
    return handles


def taken(line):
    order = []
    while (place := line.next()) is not None:
        order.append(place.handle)
    return order


@given(st.lists(st.sampled_from("abc"), max_size=12), st.integers(0, 4))
def test_tenants_take_turns_and_everybody_knows_who_is_before_them(tenants, started):
    line = Line()
    handles = joined(line, tenants)
    first = [line.next() for _turn in range(min(started, len(tenants)))]
    waiting = [handle for handle in handles if handle not in [place.handle for place in first]]
    told = {id(handle): {id(other) for other in line.before(handle)} for handle in waiting}
    order = taken(line)
    assert len(order) == len(waiting)
    for index, handle in enumerate(order):
        assert told[id(handle)] == {id(other) for other in order[:index]}
        assert line.before(handle) is None
    for tenant in "abc":
        own = [handle for handle in order if handle.request.tenant == tenant]
        assert own == [handle for handle in waiting if handle.request.tenant == tenant]
    for index, handle in enumerate(order[1:], start=1):
        # Twice in a row only when nobody else waits.
        if handle.request.tenant == order[index - 1].request.tenant:
            assert {other.request.tenant for other in order[index:]} == {handle.request.tenant}


def test_whose_model_is_on_its_way_is_passed_over_and_keeps_its_place():
    line = Line()
    first, second = Handle(request("a")), Handle(request("a"))
    loading, ready = line.join(first), line.join(second)
    assert not line.has_next()
    ready.loaded = object()
    assert line.has_next()
    assert line.next() is ready
    assert len(line) == 1
    loading.loaded = object()
    assert line.next() is loading


def test_waiting_is_foretold_from_measured_steps():
    def row(steps):
        return Row(Handle(request(steps=steps)), Suspended(lambda: None), {})

    pace = Pace()
    assert pace.until_begun([row(10)], [], free=0) is None
    pace.saw(FLOW, 0.4, rows=4)
    # Two rows step together in 0.2 s a round; the first ends after four rounds.
    assert pace.until_one_ends([row(10), row(4)]) == pytest.approx(0.8)
    assert pace.until_begun([row(10), row(4)], [], free=1) == 0
    # The next takes the place of the first, and ends two rounds later.
    assert pace.until_begun([row(10), row(4)], [request(steps=2)], free=0) == pytest.approx(1.2)
    assert pace.until_begun([], [request(steps=2)] * 3, free=1) == pytest.approx(0.6)


class Gate:
    """Holds the engine between two steps of a request until it is opened."""

    def __init__(self):
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, progress):
        self.reached.set()
        self.opened.wait(60)


def test_one_tenants_many_requests_do_not_keep_another_waiting(source):
    began = []

    def note(name):
        return lambda progress: progress.step == 1 and began.append(name)

    with Engine(source, max_rows=1) as engine:
        gate = Gate()
        held = engine.submit(request("a", on_progress=gate))
        gate.reached.wait(60)
        many = [engine.submit(request("a", on_progress=note(f"a{number}"))) for number in range(4)]
        late = engine.submit(request("b", on_progress=note("b")))
        assert [engine.standing(handle).position for handle in many] == [0, 2, 3, 4]
        assert engine.standing(late).position == 1
        assert engine.standing(held) is None
        gate.opened.set()
        for handle in [held, *many, late]:
            handle.result(60)
    assert began == ["a0", "b", "a1", "a2", "a3"]


def test_tenants_share_steps_whatever_number_of_models_each_uses(source):
    seen = []

    def ask(tenant, model):
        return request(tenant, model=model, steps=6, on_progress=lambda progress: seen.append((tenant, progress.step)))

    keys = [ModelKey("flow", commit) for commit in ("1", "2", "3", "4")]
    with Engine(source, max_rows=5) as engine:
        for key in keys:
            engine.submit(request(model=key)).result(60)
        gate = Gate()
        held = engine.submit(request(model=OTHER, steps=1, on_progress=gate))
        gate.reached.wait(60)
        handles = [engine.submit(ask("a", key)) for key in keys[:3]] + [engine.submit(ask("b", keys[3]))]
        gate.opened.set()
        for handle in [held, *handles]:
            handle.result(60)
    # While both have work, every other step is the second tenant's, though the first has three models under way.
    assert [tenant for tenant, _step in seen[:12]].count("b") == 6


def test_a_full_line_says_when_to_come_again(source):
    with Engine(source, max_rows=1, max_waiting=2) as engine:
        engine.submit(request()).result(60)
        gate = Gate()
        held = engine.submit(request(steps=50, on_progress=gate))
        gate.reached.wait(60)
        waiting = [engine.submit(request()), engine.submit(request())]
        assert engine.standing(waiting[1]).seconds > engine.standing(waiting[0]).seconds > 0
        with pytest.raises(EngineFull) as caught:
            engine.submit(request()).result(1)
        assert caught.value.waiting == 2
        assert caught.value.retry_after == pytest.approx(engine.standing(waiting[0]).seconds, rel=0.5)
        gate.opened.set()
        for handle in [held, *waiting]:
            handle.result(60)


def test_a_deadline_passes_while_waiting(source):
    with Engine(source, max_rows=1) as engine:
        engine.submit(request()).result(60)
        gate = Gate()
        held = engine.submit(request(steps=30, on_progress=gate))
        gate.reached.wait(60)
        late = engine.submit(request(deadline=time.monotonic()))
        gate.opened.set()
        with pytest.raises(DeadlinePassed):
            late.result(60)
        assert not held.wait(0)
        held.result(60)
