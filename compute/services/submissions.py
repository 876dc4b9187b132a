"""Submitting, cancelling, repeating and labelling jobs."""

import re
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from compute.algorithms import charging
from compute.backends.base import Request
from compute.backends.local import backend_for
from compute.enums import AttemptState, JobState
from compute.models import Flavor, Job
from compute.rules import may_change, may_submit_for
from compute.selectors import flavors
from compute.services import allocations, continuing, states, volumes
from compute.services.dispatch import dispatch_soon
from compute.services.recipe_checks import require_runnable
from compute.services.sealing import seal
from compute.services.volumes import VolumeWanted
from compute.volumes import VARIABLE as PLAN

DEFAULT_TIMEOUT = 30 * 60
MOST_ATTEMPTS = 5
LABEL = re.compile(r"[A-Za-z0-9._/:@-]{0,100}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# What the site itself tells a job; a job that could say otherwise would only fool itself.
RESERVED_VARIABLES = frozenset({"HF_ENDPOINT", "HF_HOME", "JOB_ID", "ACCELERATOR", "HOME", "PYTHONPATH", PLAN})
LARGEST_SPEC = 256 * 1024
PAST_LABELS = frozenset({"allocation", continuing.LABEL})


@dataclass(frozen=True)
class JobSpec:
    """What somebody wants run. `timeout_seconds` None means the default, at most the flavor's limit."""

    image: str
    flavor: str
    command: list[str]
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    volumes: list[VolumeWanted] = field(default_factory=list)
    timeout_seconds: int | None = None
    attempts: int = 1
    duplicate_of: str = ""


@transaction.atomic
def submit(namespace: Namespace, spec: JobSpec, *, by: Principal) -> Job:
    """Reserve the most the job can cost and queue it.

    The label `allocation=<id>` names who pays; else it is the open allocation that ends first. The label
    `continues=<id>` names the earlier job whose folder this one begins with a copy of.
    Raises Forbidden, Invalid, NotFound, Conflict, or PaymentRequired with the exact missing amount.
    """
    if by.user is None or not may_submit_for(by, namespace):
        raise Forbidden(
            _("You may not submit jobs for %(namespace)s.") % {"namespace": namespace.name},
            hint=_("Ask one of its administrators for the role of writer, and use a token that may write."),
        )
    flavor = _flavor(spec.flavor)
    backend_for(flavor.cluster.backend).check(Request(spec.image, spec.command, spec.arguments, spec.environment))
    _check_texts(spec)
    require_runnable(
        [*spec.command, *spec.arguments],
        namespace=namespace,
        by=by,
        has_own_token="HF_TOKEN" in {*spec.environment, *spec.secrets},
    )
    mounted = volumes.settled(spec.volumes, namespace=namespace, by=by)
    continues = continuing.earlier_job(namespace, spec.labels, by=by)
    timeout = _timeout(spec.timeout_seconds, flavor)
    reserved = charging.reservation(timeout_seconds=timeout, rate=flavor.rate)
    payer = allocations.find_payer(
        namespace,
        flavor_class=flavor.flavor_class,
        amount=reserved,
        allocation_id=_wanted_allocation(spec.labels),
        spender=by.user,
    )
    job = Job.objects.create(
        namespace=namespace,
        submitted_by=by.user,
        allocation=payer,
        flavor=flavor,
        image=spec.image,
        command=spec.command,
        arguments=spec.arguments,
        environment=spec.environment,
        secret_names=sorted(spec.secrets),
        sealed_secrets=seal(spec.secrets),
        labels=spec.labels,
        volumes=mounted,
        timeout_seconds=timeout,
        max_attempts=spec.attempts,
        duplicate_of=spec.duplicate_of,
        continues=continues,
        reserved=reserved,
    )
    allocations.reserve(payer, amount=reserved, reference=job.reference)
    audit.record("job.submitted", job.reference, actor=by, allocation=payer.pk, reserved=reserved)
    dispatch_soon()
    return job


def rerun(job: Job, *, by: Principal) -> Job:
    """A new job of the same kind in an empty folder, charged anew."""
    return _submit_again(job, {}, by=by)


def go_on(job: Job, *, by: Principal) -> Job:
    """A new job of the same kind that begins with this one's folder, charged anew."""
    return _submit_again(job, {continuing.LABEL: job.id}, by=by)


def _submit_again(job: Job, labels: dict[str, str], *, by: Principal) -> Job:
    """Secrets are gone with the first job, so they cannot be repeated."""
    if not may_submit_for(by, job.namespace):
        raise Forbidden(_("You may not submit jobs for %(namespace)s.") % {"namespace": job.namespace.name})
    if job.secret_names:
        raise Conflict(
            _("This job used secrets, and those are never used twice."),
            hint=_("Submit it again with its secrets: %(names)s.") % {"names": ", ".join(job.secret_names)},
        )
    spec = JobSpec(
        image=job.image,
        flavor=job.flavor.name,
        command=job.command,
        arguments=job.arguments,
        environment=job.environment,
        # These say who paid and what was gone on from that time; the new job finds its own payer.
        labels={name: value for name, value in job.labels.items() if name not in PAST_LABELS} | labels,
        volumes=volumes.wanted_again(job),
        timeout_seconds=job.timeout_seconds,
        attempts=job.max_attempts,
        duplicate_of=job.id,
    )
    return submit(job.namespace, spec, by=by)


@transaction.atomic
def cancel(job: Job, *, by: Principal) -> Job:
    """End a waiting job at once; ask a running one to end, which takes a few seconds. Ended jobs stay as they are."""
    if not may_change(by, job):
        raise Forbidden(_("Only those who may submit jobs for %(namespace)s may cancel them.") % _names(job))
    job = lock(job)
    if job.is_over or job.cancel_requested_at is not None:
        return job
    job.cancel_requested_at = timezone.now()
    audit.record("job.cancel_requested", job.reference, actor=by)
    waiting = job.attempts.select_for_update().filter(state=AttemptState.STARTING)
    waiting.update(state=AttemptState.CANCELLED, ended_at=timezone.now(), reason="Cancelled before it began.")
    if job.state == JobState.RUNNING:
        job.reason = _("Cancelling: the job has a few seconds to end.")
        job.save(update_fields=["cancel_requested_at", "reason"])
        return job
    return states.move(job, JobState.CANCELLED, reason=_("Cancelled by %(name)s.") % {"name": by}, by=by)


@transaction.atomic
def set_labels(job: Job, labels: dict[str, str], *, by: Principal) -> Job:
    """Replace all labels. Who pays and what the folder began with was settled at submission and does not change."""
    if not may_change(by, job):
        raise Forbidden(_("Only those who may submit jobs for %(namespace)s may label them.") % _names(job))
    _check_labels(labels)
    job = lock(job)
    job.labels = labels
    job.save(update_fields=["labels"])
    audit.record("job.labelled", job.reference, actor=by, labels=labels)
    return job


def lock(job: Job) -> Job:
    related = Job.objects.select_related("namespace", "flavor", "allocation", "submitted_by")
    return related.select_for_update(of=("self",)).get(pk=job.pk)


def _names(job: Job) -> dict[str, str]:
    return {"namespace": job.namespace.name}


def _flavor(name: str) -> Flavor:
    flavor = flavors().filter(name=name).first()
    if flavor is None:
        raise Invalid(
            _("There is no flavor called %(name)s.") % {"name": name},
            hint=_("Choose one of: %(names)s.") % {"names": ", ".join(flavors().values_list("name", flat=True))},
            code="unknown_flavor",
        )
    return flavor


def _timeout(asked: int | None, flavor: Flavor) -> int:
    if asked is None:
        return min(DEFAULT_TIMEOUT, flavor.wall_limit)
    if not 0 < asked <= flavor.wall_limit:
        raise Invalid(
            _("The time limit must be between 1 and %(limit)d seconds on %(flavor)s.")
            % {"limit": flavor.wall_limit, "flavor": flavor.name},
            hint=_(
                "It is that of all attempts together. Save checkpoints, and submit the rest as another job that begins "
                "with this one's folder: --label continues=<id of the first job>."
            ),
        )
    return asked


def _wanted_allocation(labels: dict[str, str]) -> int | None:
    value = labels.get("allocation")
    if value is None:
        return None
    if not value.isdecimal() or len(value) > 18:
        raise Invalid(_("The label allocation must be the number of an allocation."), hint=_("See /compute."))
    return int(value)


def _check_texts(spec: JobSpec) -> None:
    _check_labels(spec.labels)
    variables = [*spec.environment, *spec.secrets]
    for name in variables:
        if not VARIABLE.fullmatch(name) or name in RESERVED_VARIABLES:
            raise Invalid(
                _("The environment variable %(name)s cannot be set.") % {"name": name},
                hint=_("Use letters, digits and underscores, and none of: %(names)s.")
                % {"names": ", ".join(sorted(RESERVED_VARIABLES))},
            )
    texts = [*spec.command, *spec.arguments, *spec.environment.values(), *spec.secrets.values()]
    if any("\0" in text for text in texts) or sum(map(len, texts)) > LARGEST_SPEC:
        raise Invalid(
            _("The command and environment must be text of at most 256 KiB."),
            hint=_("Put larger inputs into a data set and download it in the job."),
        )
    if not 1 <= spec.attempts <= MOST_ATTEMPTS:
        raise Invalid(_("A job may be attempted 1 to %(most)d times.") % {"most": MOST_ATTEMPTS})


def _check_labels(labels: dict[str, str]) -> None:
    for name, value in labels.items():
        if not name or not LABEL.fullmatch(name) or not LABEL.fullmatch(value):
            raise Invalid(
                _("The label %(name)s cannot be used.") % {"name": f"{name}={value}"[:80]},
                hint=_("Names and values have at most 100 letters, digits and the signs . _ / : @ -"),
            )
