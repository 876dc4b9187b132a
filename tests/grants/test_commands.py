from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from grants.models import Call, Round
from tests.factories import grants as make
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db


def run(*words):
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_open_call_is_repeatable_and_raises_budgets():
    assert run("open_call", "spring") == run("open_call", "spring") == "/grants/calls/spring\n"
    run("open_call", "spring", "--add-budget", "5")
    assert Call.objects.get().budget_gpu_seconds == 360_005


@pytest.mark.parametrize("words", [["--largest", "0"], ["--questions", "{"], ["--questions", '[{"key": ""}]']])
def test_open_call_explains_what_is_wrong(words):
    with pytest.raises(CommandError):
        run("open_call", "spring", *words)


def test_open_round_is_repeatable():
    make.flavor()
    make.fill_pool(1_000_000)
    member = UserFactory()
    words = ["open_round", "spring", "--currency", "usd", "--budget", "1000000", "--panel", member.username]
    assert run(*words) == run(*words) == "/grants/rounds/spring\n"
    assert list(Round.objects.get().panel.all()) == [member]
    with pytest.raises(CommandError, match="nobody-here"):
        run(*words, "nobody-here")


def test_open_round_needs_money_in_the_pool():
    make.flavor()
    with pytest.raises(CommandError, match="pool"):
        run("open_round", "spring", "--currency", "usd", "--budget", "1000")


def test_recompute_decision_proves_the_verdict():
    decision = make.submitted().decisions.get()
    assert "same verdict" in run("recompute_decision", str(decision.pk))
    made = make.decide(make.community_round())
    assert "same verdict" in run("recompute_decision", str(made.pk), "--round")
    with pytest.raises(CommandError):
        run("recompute_decision", "0")


def test_recompute_decision_fails_on_another_verdict():
    from django.db import connection

    decision = make.submitted().decisions.get()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE grants_decision DISABLE TRIGGER grants_decision_append_only")
        cursor.execute("UPDATE grants_decision SET gpu_seconds = 601")
    with pytest.raises(SystemExit):
        run("recompute_decision", str(decision.pk))


def test_a_persons_decision_has_no_rule_to_run():
    from grants.enums import Outcome, ProposalState
    from grants.services import decisions

    proposal = make.move_to(make.submitted(make.standard_call()), ProposalState.SCREENING)
    made = decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="x", by=make.staff())
    with pytest.raises(CommandError):
        run("recompute_decision", str(made.pk))
