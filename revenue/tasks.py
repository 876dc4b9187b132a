"""What the timetable runs every night. Each looks at the books, so a second run does nothing."""

import logging

from celery import shared_task

from common.services import auditing
from revenue.services import blocks, shares

logger = logging.getLogger(__name__)


@shared_task
def mature_shares() -> None:
    """Shares whose holdback is over become due."""
    shares.mature_shares()


@shared_task
def seal_blocks() -> None:
    """Hash, chain and sign the journals since the last block."""
    blocks.seal()


@shared_task
def reconcile() -> None:
    """Check what `manage.py audit` checks; each violation is an error in the log, for whoever is on watch."""
    for finding in auditing.run_all():
        for violation in finding.violations:
            logger.error("the books do not hold", extra={"invariant": finding.name, "violation": violation})
