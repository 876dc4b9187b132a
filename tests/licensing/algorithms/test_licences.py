"""Facts about licences, and the check over the lineage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from hub.algorithms.licences import LICENCES
from licensing.algorithms.licences import FACTS, NOT_KNOWN, Commercial, Duty, facts_of
from licensing.algorithms.upstream import Work, check_sale
from licensing.enums import Outcome, Reason

calm = settings(deadline=None, max_examples=60)
KINDS = ("dataset", "finetune", "adapter", "merge", "distilled", "quantized")


def lineage(root_licence, *parents):
    """A model of `seller` with works of others above it: (licence, kind of descent)."""
    works = {f"work{n}": Work(f"work{n}", f"work {n}", licence, "other") for n, (licence, _kind) in enumerate(parents)}
    above = tuple((f"work{n}", kind) for n, (_licence, kind) in enumerate(parents))
    return works | {"root": Work("root", "the model", root_licence, "seller", above)}


def check(works, **more):
    return check_sale("root", works, seller="seller", **more)


def test_every_licence_of_a_card_has_facts():
    assert set(LICENCES) <= set(FACTS)


def test_every_spdx_id_is_one():
    known = get_spdx_licensing().known_symbols
    assert [facts.spdx for facts in FACTS.values() if facts.spdx and facts.spdx not in known] == []


@pytest.mark.parametrize(
    ("identifier", "found"),
    [
        ("apache-2.0", "apache-2.0"),
        ("Apache-2.0 ", "apache-2.0"),
        ("(MIT)", "mit"),
        ("LicenseRef-scancode-flux-1-nc", "flux-1-dev-non-commercial-license"),
        ("MIT OR Apache-2.0", "unknown"),
        ("((", "unknown"),
        ("", "unknown"),
        ("my own", "unknown"),
    ],
)
def test_finding_facts(identifier, found):
    assert facts_of(identifier).id == found


@calm
@given(st.text(max_size=40))
def test_any_text_has_an_answer(text):
    assert facts_of(text).commercial in Commercial


@pytest.mark.parametrize(
    ("licence", "kind", "outcome", "reason"),
    [
        ("apache-2.0", "finetune", Outcome.FIXABLE, Reason.NOTICE),
        ("apache-2.0", "dataset", Outcome.OK, Reason.NO_REACH),
        ("cc0-1.0", "dataset", Outcome.OK, Reason.NO_REACH),
        ("cc-by-4.0", "dataset", Outcome.FIXABLE, Reason.NOTICE),
        ("cc-by-nc-4.0", "dataset", Outcome.REFUSED, Reason.NONCOMMERCIAL),
        ("cc-by-sa-4.0", "dataset", Outcome.UNKNOWN, Reason.UNSETTLED),
        ("cc-by-nd-4.0", "dataset", Outcome.UNKNOWN, Reason.UNSETTLED),
        ("cc-by-nd-4.0", "finetune", Outcome.REFUSED, Reason.NO_DERIVATIVES),
        ("gpl-3.0", "finetune", Outcome.REFUSED, Reason.SHARE_ALIKE),
        ("lgpl-3.0", "finetune", Outcome.UNKNOWN, Reason.UNSETTLED),
        ("creativeml-openrail-m", "adapter", Outcome.FIXABLE, Reason.RESTRICTIONS),
        ("creativeml-openrail-m", "distilled", Outcome.FIXABLE, Reason.RESTRICTIONS),
        ("llama3.1", "finetune", Outcome.FIXABLE, Reason.AGREEMENT),
        ("gemma", "distilled", Outcome.FIXABLE, Reason.AGREEMENT),
        ("flux-1-dev-non-commercial-license", "finetune", Outcome.REFUSED, Reason.MAKER_ONLY),
        ("stability-ai-community", "adapter", Outcome.REFUSED, Reason.MAKER_ONLY),
        ("other", "finetune", Outcome.UNKNOWN, Reason.HIDDEN_TERMS),
        ("", "finetune", Outcome.UNKNOWN, Reason.NOT_KNOWN),
    ],
)
def test_what_a_licence_upstream_means(licence, kind, outcome, reason):
    own, upstream = check(lineage("apache-2.0", (licence, kind))).findings
    assert own.outcome == Outcome.OK
    assert (upstream.outcome, upstream.reason) == (outcome, reason)


def test_own_work_may_be_sold_under_other_terms():
    works = lineage("cc-by-nc-4.0", ("gpl-3.0", "finetune"))
    works["work0"] = Work("work0", "own base", "gpl-3.0", "seller")
    assert check(works).outcome == Outcome.OK


def test_a_licence_of_a_maker_binds_even_without_recorded_lineage():
    assert check(lineage("stability-ai-community")).outcome == Outcome.REFUSED
    assert check(lineage("creativeml-openrail-m")).outcome == Outcome.FIXABLE


def test_no_licence_on_the_own_card_asks_a_person():
    assert check(lineage("")).outcome == Outcome.UNKNOWN


def test_restrictions_come_through_a_work_between():
    works = lineage("apache-2.0", ("mit", "finetune"))
    works["work0"] = Work("work0", "work 0", "mit", "other", (("far", "finetune"),))
    works["far"] = Work("far", "far", "cc-by-nc-4.0", "third")
    assert check(works).outcome == Outcome.REFUSED


def test_a_work_that_is_not_here_is_not_known():
    works = {"root": Work("root", "the model", "mit", "seller", (("gone", "finetune"),))}
    assert [finding.reason for finding in check(works).findings] == [Reason.OWN, Reason.NOT_KNOWN]


def test_a_circle_ends():
    works = lineage("mit", ("mit", "finetune"))
    works["work0"] = Work("work0", "work 0", "mit", "other", (("root", "merge"), ("work0", "merge")))
    assert check(works).outcome == Outcome.FIXABLE


ids = st.sampled_from([*sorted(FACTS), "", "never heard"])


@st.composite
def graphs(draw):
    """Up to six works of several owners in any order of descent, the root among them."""
    count = draw(st.integers(1, 6))
    names = ["root", *[f"w{n}" for n in range(1, count)]]
    works = {}
    for position, name in enumerate(names):
        above = draw(st.lists(st.tuples(st.sampled_from([*names, "gone"]), st.sampled_from(KINDS)), max_size=3))
        owner = "seller" if position == 0 else draw(st.sampled_from(["seller", "a", "b"]))
        works[name] = Work(name, f"the model x/{name}", draw(ids), owner, tuple(above))
    return works


@calm
@given(graphs())
def test_adding_the_text_mends_exactly_what_is_fixable(works):
    first = check(works)
    again = check(works, terms=f"Words.\n\n{first.missing_text}")
    assert not again.missing_text
    assert again.outcome == (Outcome.OK if first.outcome == Outcome.FIXABLE else first.outcome)
    assert again.obligations == [*dict.fromkeys(finding.text for finding in first.findings if finding.text)]


@calm
@given(graphs(), ids, st.sampled_from(KINDS))
def test_one_more_work_upstream_never_helps(works, licence, kind):
    more = dict(works)
    more["new"] = Work("new", "new", licence, "c")
    root = more["root"]
    more["root"] = Work("root", root.title, root.licence, root.owner, (*root.parents, ("new", kind)))
    assert check(more).outcome.rank >= check(works).outcome.rank


@calm
@given(graphs(), st.data())
def test_a_grant_never_hurts_and_all_grants_free(works, data):
    some = data.draw(st.sets(st.sampled_from([*works, "gone"])))
    assert check(works, granted=some).outcome.rank <= check(works).outcome.rank
    assert check(works, granted=[*works, "gone"]).outcome == Outcome.OK


@calm
@given(graphs())
def test_the_order_of_descent_does_not_matter(works):
    turned = {
        name: Work(name, work.title, work.licence, work.owner, tuple(reversed(work.parents)))
        for name, work in reversed(works.items())
    }
    assert check(turned) == check(works)


@calm
@given(graphs())
def test_the_worst_finding_decides_and_none_is_lost(works):
    answer = check(works)
    assert answer.outcome == max((one.outcome for one in answer.findings), key=lambda one: one.rank)
    assert len({one.key for one in answer.findings}) == len(answer.findings)


def test_duties_are_known_where_use_is():
    assert all((facts.duty == Duty.UNKNOWN) == (not facts.is_known) for facts in FACTS.values())
    assert not NOT_KNOWN.is_known
