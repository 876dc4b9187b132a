"""What a gated repository asks, set by its administrators."""

import hashlib
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Forbidden, Invalid
from common.services import audit
from hub import rules
from hub.algorithms import gate_forms
from hub.enums import OverduePolicy
from hub.models import Gate, Repository, Terms

MAX_DAYS = 365
MAX_TEXT = 50_000
_TEXTS = ("heading", "prompt", "button", "form")


@dataclass(frozen=True)
class GateWish:
    """All that can be set; empty texts leave it to the card, empty terms ask for no agreement."""

    heading: str = ""
    prompt: str = ""
    button: str = ""
    form: str = ""
    terms: str = ""
    deadline_days: int = 14
    overdue: str = OverduePolicy.NOTHING
    reapply_days: int = 30
    writers_decide: bool = False


@transaction.atomic
def set_gate(repository: Repository, wish: GateWish, *, by: Principal) -> Gate:
    """Raises Forbidden, Invalid. Other terms are a new version; who agreed to an older one stays in."""
    repository = Repository.objects.select_for_update(of=("self",)).select_related("namespace").get(pk=repository.pk)
    if not rules.may_administer(by, repository):
        raise Forbidden(_("You may not change the settings of this repository."))
    _check(wish)
    facts = {name: getattr(wish, name).strip() for name in _TEXTS}
    facts |= {
        "deadline_days": wish.deadline_days,
        "overdue": wish.overdue,
        "reapply_days": wish.reapply_days,
        "writers_decide": wish.writers_decide,
    }
    gate, _created = Gate.objects.update_or_create(repository=repository, defaults=facts)
    _write_terms(repository, wish.terms.strip(), by)
    audit.record("repository.gate", str(repository), actor=by, **{k: v for k, v in facts.items() if k not in _TEXTS})
    return gate


def _write_terms(repository: Repository, text: str, by: Principal) -> None:
    newest = Terms.objects.filter(repository=repository).order_by("-version").first()
    if text == (newest.text if newest is not None else ""):
        return
    made = Terms.objects.create(
        repository=repository,
        version=newest.version + 1 if newest is not None else 1,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        written_by=by.user,
    )
    audit.record("repository.terms", str(repository), actor=by, version=made.version, sha256=made.sha256)


def _check(wish: GateWish) -> None:
    if wish.overdue not in OverduePolicy.values:
        raise Invalid(_("Unknown rule for what is overdue."))
    if not 1 <= wish.deadline_days <= MAX_DAYS or not 0 <= wish.reapply_days <= MAX_DAYS:
        raise Invalid(_("Days are numbers up to %(most)s, and a deadline has at least one.") % {"most": MAX_DAYS})
    if any(len(text) > MAX_TEXT for text in (wish.prompt, wish.form, wish.terms)):
        raise Invalid(_("A text has up to %(most)s characters.") % {"most": MAX_TEXT})
    if len(wish.heading) > 200 or len(wish.button) > 100:
        raise Invalid(_("The heading or the words on the button are too long."))
    try:
        gate_forms.read_questions(wish.form)
    except gate_forms.FormInvalid as error:
        raise Invalid(_("The questions cannot be asked: %(fault)s.") % {"fault": error}, code="form") from error
