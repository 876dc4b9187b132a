"""May commercial rights in a work be sold, seen from everything it was made of?

One pass over the lineage with facts per licence (licences.py). Each work gives one finding; the worst
decides. Adding a work upstream never makes the answer better; a recorded grant never makes it worse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from licensing.algorithms.licences import MODELS, Commercial, Duty, Licence, facts_of
from licensing.enums import Outcome, Reason


@dataclass(frozen=True)
class Work:
    """One model or data set. `parents` are (key, kind of descent); `licence` is an id as the card writes it."""

    key: str
    title: str
    licence: str
    owner: str
    parents: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """What one work means for the sale; `text` is what the terms have to contain, in English as they are."""

    key: str
    title: str
    licence: str
    outcome: Outcome
    reason: Reason
    text: str = ""


@dataclass(frozen=True)
class Answer:
    """All findings, in the order of their keys."""

    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> Outcome:
        return max((finding.outcome for finding in self.findings), key=lambda one: one.rank, default=Outcome.OK)

    @property
    def missing_text(self) -> str:
        """The sentences to add to the terms, one paragraph per work; empty when nothing is missing."""
        texts = [finding.text for finding in self.findings if finding.outcome == Outcome.FIXABLE]
        return "\n\n".join(dict.fromkeys(texts))

    @property
    def obligations(self) -> list[str]:
        """What the terms say because of upstream licences, for the certificate."""
        return list(dict.fromkeys(finding.text for finding in self.findings if finding.text))

    def to_json(self) -> list[dict[str, str]]:
        return [
            {
                "key": finding.key,
                "title": finding.title,
                "licence": finding.licence,
                "outcome": finding.outcome.value,
                "reason": finding.reason.value,
                "text": finding.text,
            }
            for finding in self.findings
        ]


def check_sale(
    root: str,
    works: Mapping[str, Work],
    *,
    seller: str,
    terms: str = "",
    granted: Iterable[str] = (),
) -> Answer:
    """Judge the sale of commercial rights in `root` by its owner `seller` under `terms`.

    `works` holds every work that descent names; one that is missing is judged as not known.
    `granted` are keys of works whose owner permitted the seller to pass rights on.
    """
    permitted = frozenset(granted)
    said = " ".join(terms.split())
    findings = [_judge_root(works[root], seller=seller, said=said, permitted=permitted)]
    for key, paths in sorted(descent(root, works).items()):
        work = works.get(key) or Work(key, key, "", "")
        if work.owner == seller and not facts_of(work.licence).bound:
            continue
        findings.append(_judge(work, paths, said=said, permitted=permitted))
    return Answer(tuple(findings))


def required_text(work_title: str, licence: Licence) -> str:
    """The sentence that passes a duty on. Part of a contract, so it is never translated."""
    name = licence.spdx or licence.id
    if licence.duty == Duty.NOTICE:
        return f"Contains or was made with {work_title}, under {name}; its attribution and notices must be kept."
    if licence.duty == Duty.RESTRICTIONS:
        return (
            f"The use restrictions of the licence {name} of {work_title} apply to the Licensee as an enforceable "
            "part of these terms, and must be passed on with every copy, derivative and hosted service."
        )
    if licence.duty == Duty.AGREEMENT:
        return (
            f"The licence agreement {name} of {work_title}, with its acceptable use policy, applies in addition to "
            "these terms; a copy and its notices must accompany every distribution."
        )
    return ""


def descent(root: str, works: Mapping[str, Work]) -> dict[str, set[frozenset[str]]]:
    """For each ancestor the sets of kinds of descent by which it reaches the root, one per distinct way."""
    found: dict[str, set[frozenset[str]]] = {}
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    while waiting:
        key, kinds = waiting.pop()
        for parent, kind in works[key].parents if key in works else ():
            path = kinds | {kind}
            if parent != root and path not in found.setdefault(parent, set()):
                found[parent].add(path)
                waiting.append((parent, path))
    return found


def _judge_root(work: Work, *, seller: str, said: str, permitted: frozenset[str]) -> Finding:
    """Owners may license their own work as they like, unless its licence tells of a maker upstream."""
    licence = facts_of(work.licence)
    if work.owner == seller and licence.is_known and not licence.bound:
        return _finding(work, Outcome.OK, Reason.OWN)
    return _judge(work, {frozenset()}, said=said, permitted=permitted)


def _judge(work: Work, paths: set[frozenset[str]], *, said: str, permitted: frozenset[str]) -> Finding:
    licence = facts_of(work.licence)
    if work.key in permitted:
        return _finding(work, Outcome.OK, Reason.GRANTED)
    reaching = [path for path in paths if path <= licence.reach]
    if not reaching:
        return _finding(work, Outcome.OK, Reason.NO_REACH)
    if obstacle := _obstacle(licence, reaching):
        return _finding(work, *obstacle)
    text = required_text(work.title, licence)
    if not text:
        return _finding(work, Outcome.OK, Reason.FREE)
    if text in said:
        return _finding(work, Outcome.OK, Reason.SAID, text)
    return _finding(work, Outcome.FIXABLE, Reason(licence.duty.value), text)


def _obstacle(licence: Licence, reaching: list[frozenset[str]]) -> tuple[Outcome, Reason] | None:
    """What no sentence in the terms can mend."""
    only_as_data = all("dataset" in path for path in reaching)
    if not licence.is_known:
        reason = Reason.HIDDEN_TERMS if licence.id == "other" else Reason.NOT_KNOWN
        return Outcome.UNKNOWN, reason
    if licence.maker_only:
        return Outcome.REFUSED, Reason.MAKER_ONLY
    if licence.commercial == Commercial.NO:
        return Outcome.REFUSED, Reason.NONCOMMERCIAL
    if only_as_data and not licence.data_settled:
        return Outcome.UNKNOWN, Reason.UNSETTLED
    if not licence.changes:
        return Outcome.REFUSED, Reason.NO_DERIVATIVES
    if licence.duty == Duty.SHARE_ALIKE:
        weak = not licence.reach >= MODELS
        return (Outcome.UNKNOWN, Reason.UNSETTLED) if weak else (Outcome.REFUSED, Reason.SHARE_ALIKE)
    return None


def _finding(work: Work, outcome: Outcome, reason: Reason, text: str = "") -> Finding:
    return Finding(work.key, work.title, work.licence, outcome, reason, text)
