"""Hash blocks: journals are sealed in runs, each run chained to the one before and signed."""

import hashlib
from collections import defaultdict
from typing import Any

from django.db import transaction

from common import signing
from revenue.models import Entry, HashBlock, Journal
from revenue.services import ledger

BLOCK_SIZE = 5000
GENESIS = "0" * 64


@transaction.atomic
def seal(*, size: int = BLOCK_SIZE) -> list[HashBlock]:
    """Seal every journal that is not in a block yet. Nightly; harmless to repeat."""
    ledger.enter_alone()
    blocks: list[HashBlock] = []
    last = HashBlock.objects.order_by("-sequence").first()
    while True:
        after = last.last_journal if last else 0
        ids = list(Journal.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:size])
        if not ids:
            return blocks
        last = _seal(last, after, ids)
        blocks.append(last)


def fingerprint(*, previous: str, sequence: int, after: int, last: int) -> tuple[str, int]:
    """SHA-256 and count of the journals after `after` up to `last`, each with all its legs."""
    journals = Journal.objects.filter(pk__gt=after, pk__lte=last).order_by("pk")
    entries = Entry.objects.filter(journal_id__gt=after, journal_id__lte=last).order_by("journal_id", "id")
    legs: dict[int, list[list[Any]]] = defaultdict(list)
    for journal_id, code, currency, amount in entries.values_list("journal_id", "account__code", "currency", "amount"):
        legs[journal_id].append([code, currency, amount])
    total = hashlib.sha256(signing.canonical({"previous": previous, "sequence": sequence}))
    count = 0
    for journal in journals:
        total.update(b"\n" + signing.canonical(_content(journal, legs[journal.pk])))
        count += 1
    return total.hexdigest(), count


def claims_of(block: HashBlock) -> dict[str, Any]:
    """What the signature over a block says, and what is published of it."""
    return {
        "type": "wellspring.block.v1",
        "sequence": block.sequence,
        "after_journal": block.after_journal,
        "last_journal": block.last_journal,
        "journals": block.journals,
        "previous": block.previous,
        "sha256": block.sha256,
    }


def _seal(last: HashBlock | None, after: int, ids: list[int]) -> HashBlock:
    block = HashBlock(
        sequence=last.sequence + 1 if last else 1,
        after_journal=after,
        last_journal=ids[-1],
        previous=last.sha256 if last else GENESIS,
    )
    block.sha256, block.journals = fingerprint(
        previous=block.previous, sequence=block.sequence, after=after, last=block.last_journal
    )
    block.signature = signing.sign(claims_of(block))
    block.save(force_insert=True)
    return block


def _content(journal: Journal, legs: list[list[Any]]) -> list[Any]:
    return [
        journal.pk,
        journal.key,
        journal.kind,
        journal.effective.isoformat(),
        journal.posted_at.isoformat(),
        journal.reverses_id,
        journal.memo,
        journal.posted_by,
        legs,
    ]
