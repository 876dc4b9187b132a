"""Reading generations and pictures, limited to what a person may see."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Avg, F, Max, Min, Prefetch, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Permission, Role
from accounts.models import AccessToken, Namespace, User
from accounts.principal import Principal
from accounts.selectors import namespaces_of, reachable_namespaces
from common.errors import NotFound
from hub.models import Block
from hub.selectors.reports import blocked_everywhere, is_reported, refuse_blocked_everywhere
from inference.enums import UNFINISHED, Billing, GenerationState
from inference.models import Generation, InputImage, Picture
from inference.selectors.safety import age_of, refuse_the_young, shown_to
from revenue.selectors import credit_balance


def input_for(principal: Principal, key: str) -> InputImage:
    """One's own given image. Raises NotFound."""
    found = InputImage.objects.filter(pk=key, owner=principal.user).first() if principal.user else None
    if found is None or not may_see_generations(principal):
        raise NotFound(_("There is no such image, or it is not yours."), hint=_("Give the image itself."))
    return found


def may_see_generations(principal: Principal) -> bool:
    """A job's token reaches files of its namespace, never a person's pictures; others need the permission."""
    token = principal.token
    if principal.user is None or token is None:
        return principal.user is not None
    if principal.is_fine_grained:
        return any(grant.permission == Permission.INFERENCE for grant in token.held)
    return token.namespace_id is None


def generations_of(principal: Principal) -> QuerySet[Generation]:
    """A person's own, the newest first, with their pictures."""
    if not may_see_generations(principal):
        return Generation.objects.none()
    own = Generation.objects.filter(owner=principal.user)
    if principal.is_fine_grained:
        own = own.filter(billed__in=reachable_namespaces(principal, Permission.INFERENCE))
    return (
        own.select_related("billed", "repository__namespace", "finder")
        .prefetch_related(Prefetch("pictures", given_out(Picture.objects.all())), "loras")
        .order_by("-created_at", "-id")
    )


def generation_for(principal: Principal, generation_id: str) -> Generation:
    """One's own, or one that shows a public picture (then with its public pictures only).

    Raises NotFound: that somebody else's generation exists is not told.
    """
    own = generations_of(principal).filter(pk=generation_id).first()
    if own is not None:
        return own
    _refuse_the_young(principal, generation_id)
    public = given_out(Picture.objects.filter(shown_to(principal)))
    shown = Generation.objects.filter(pk=generation_id, pictures__in=public).distinct()
    rows = shown.select_related("owner", "repository__namespace", "finder")
    found = rows.prefetch_related(Prefetch("pictures", public), "loras").first()
    if found is None:
        raise NotFound(
            _("There is no such generation, or it is not yours to see."),
            hint=_("Log in, or send the access token of the person who asked for it."),
        )
    return found


def own_generation_for(principal: Principal, generation_id: str) -> Generation:
    """One's own only, for programs and for changes. Raises NotFound."""
    found = generations_of(principal).filter(pk=generation_id).first()
    if found is None:
        raise NotFound(
            _("There is no such generation, or it is not yours to see."),
            hint=_("Check the id, and send the access token of the person who asked for it."),
        )
    return found


def picture_for(principal: Principal, generation_id: str, position: int) -> Picture:
    """One's own or a public one; staff see what was reported. Raises NotFound, ContentRemoved."""
    picture = picture_of(generation_id, position)
    if picture is not None and may_see_picture(principal, picture):
        refuse_taken_away(principal, picture)
        if not _is_own(principal, picture.generation) and not principal.is_staff:
            refuse_the_young(principal, picture)
        return picture
    raise NotFound(_("There is no such picture, or it is not yours to see."), hint=_("Log in as its owner."))


def picture_seen_by(principal: Principal, key: str) -> Picture | None:
    """A picture by its id: one's own, or a public one for people of this age."""
    picture = given_out(Picture.objects.select_related("generation")).filter(pk=key).first()
    if picture is None or _is_own(principal, picture.generation):
        return picture
    return picture if picture.is_public and picture.age <= age_of(principal) else None


def may_see_picture(principal: Principal, picture: Picture) -> bool:
    if picture.is_public or _is_own(principal, picture.generation):
        return True
    return principal.is_staff and is_reported(picture.sha256)


def given_out(pictures: QuerySet[Picture]) -> QuerySet[Picture]:
    """Without those that a decision about a report has disabled, whichever file of the same drawing it named."""
    return pictures.exclude(sha256__in=_blocked()).exclude(drawn_sha256__in=_taken_away().values("drawn_sha256"))


def refuse_taken_away(principal: Principal, picture: Picture) -> None:
    """Raises ContentRemoved. Files of one drawing differ in what was signed; a decision about one is about all."""
    same = Picture.objects.filter(drawn_sha256=picture.drawn_sha256) if picture.drawn_sha256 else Picture.objects.none()
    refuse_blocked_everywhere(principal, picture.sha256, *same.values_list("sha256", flat=True))


def was_taken_away(drawings: Iterable[str]) -> bool:
    """Whether one of these drawings (`drawn_sha256`) is the one that a decision about a report took away."""
    return _taken_away().filter(drawn_sha256__in=list(drawings)).exists()


def may_preview(generation: Generation) -> bool:
    """Not what may become a picture that was taken away: its first picture begins in the same noise, of the same size.

    What it becomes is known when it is there only; another one of that seed merely grows unseen.
    """
    here = {"generation__seed": generation.seed - F("position"), "width": generation.width, "height": generation.height}
    return not Picture.objects.filter(sha256__in=_blocked(), **here).exists()


def _taken_away() -> QuerySet[Picture]:
    return Picture.objects.filter(sha256__in=_blocked()).exclude(drawn_sha256="")


def _blocked() -> QuerySet[Block, str]:
    return blocked_everywhere().values_list("content", flat=True)


def _refuse_the_young(principal: Principal, generation_id: str) -> None:
    """Where all that somebody shows of a generation is for older people."""
    shown = list(given_out(Picture.objects.filter(generation=generation_id, is_public=True)).order_by("age")[:1])
    if shown:
        refuse_the_young(principal, shown[0])


def _is_own(principal: Principal, generation: Generation) -> bool:
    if not may_see_generations(principal) or generation.owner_id != getattr(principal.user, "pk", None):
        return False
    return not principal.is_fine_grained or principal.allows(Permission.INFERENCE, generation.billed)


def picture_of(generation_id: str, position: int) -> Picture | None:
    """Whoever asks: for addresses that carry their own proof."""
    rows = Picture.objects.select_related("generation__owner__namespace", "generation__billed")
    return rows.filter(generation_id=generation_id, position=position).first()


def payers_for(user: User) -> QuerySet[Namespace]:
    """Names whose credits the person may spend, their own first."""
    return namespaces_of(user, at_least=Role.WRITE).order_by(F("user_id").asc(nulls_last=True), "name")


def queue_position(generation: Generation) -> int:
    """1 for the next to be taken up; 0 when it no longer waits, neither for a worker nor inside of one."""
    if generation.state == GenerationState.RUNNING and generation.place is not None:
        return generation.place + 1
    if generation.state != GenerationState.QUEUED:
        return 0
    earlier = Q(created_at__lt=generation.created_at) | Q(created_at=generation.created_at, pk__lt=generation.pk)
    inside = Q(state=GenerationState.RUNNING, place__isnull=False)
    return Generation.objects.filter(inside | (earlier & Q(state=GenerationState.QUEUED))).count() + 1


def waiting_count() -> int:
    inside = Q(state=GenerationState.RUNNING, place__isnull=False)
    return Generation.objects.filter(inside | Q(state=GenerationState.QUEUED)).count()


def seconds_until_engine() -> int:
    """Until engines that turned requests away take some again; 0 when none does now."""
    now = timezone.now()
    latest = Generation.objects.filter(state=GenerationState.QUEUED, not_before__gt=now).aggregate(
        latest=Max("not_before")
    )["latest"]
    return max(1, math.ceil((latest - now).total_seconds())) if latest else 0


def seconds_until_ready(generation: Generation) -> int:
    """An honest guess, at least 1: what the engine says, else the mean of the last twenty, times those
    before this one."""
    last = Generation.objects.filter(state=GenerationState.SUCCEEDED).order_by("-finished_at")[:20]
    mean = Generation.objects.filter(pk__in=list(last.values_list("pk", flat=True))).aggregate(
        mean=Avg(F("finished_at") - F("started_at"))
    )["mean"]
    each = mean.total_seconds() if mean else 5.0
    if generation.place is not None and generation.place_seconds is not None:
        return max(1, round(generation.place_seconds + each))
    kept_out = (generation.not_before - timezone.now()).total_seconds() if generation.not_before else 0.0
    return max(1, round(max(kept_out, 0.0) + each * (queue_position(generation) + 1)))


def pictures_under_way(user: User) -> int:
    rows = Generation.objects.filter(owner=user, state__in=UNFINISHED)
    return int(rows.aggregate(sum=Sum("count"))["sum"] or 0)


def seconds_of_withholding(user: User) -> int:
    """Until somebody of whose pictures too many were withheld in the last hour may ask again; 0 when they may now.

    Only what was drawn counts: a prompt that is refused costs no machine time.
    """
    now, hour = timezone.now(), timedelta(hours=1)
    rows = Generation.objects.filter(owner=user, created_at__gt=now - hour, state=GenerationState.REFUSED)
    withheld = 0
    for count, asked in rows.exclude(started_at=None).order_by("-created_at").values_list("count", "created_at"):
        withheld += count
        if withheld >= settings.WITHHELD_PICTURES_PER_HOUR:
            return max(1, math.ceil((asked + hour - now).total_seconds()))
    return 0


def free_pictures_left(user: User, *, now: datetime | None = None) -> int:
    """Of today's allowance (UTC); what is under way counts, what failed does not."""
    day = (now or timezone.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    used = Generation.objects.filter(
        owner=user, billing=Billing.FREE, created_at__gte=day, created_at__lt=day + timedelta(days=1)
    ).filter(state__in=[*UNFINISHED, GenerationState.SUCCEEDED])
    return max(0, settings.FREE_PICTURES_PER_DAY - int(used.aggregate(sum=Sum("count"))["sum"] or 0))


def credits_left(namespace: Namespace, currency: str) -> int:
    """The balance less what generations under way will cost, in micros."""
    promised = Generation.objects.filter(
        billed=namespace, currency=currency, billing=Billing.CREDITS, state__in=UNFINISHED
    ).aggregate(sum=Sum("price"))["sum"]
    return credit_balance(namespace, currency) - int(promised or 0)


@dataclass
class TokenUse:
    """What a token drew and spent in this month; what is under way counts, what failed does not."""

    token: AccessToken
    pictures: int = 0
    spent: list[tuple[str, int]] = field(default_factory=list)


def use_of_tokens(tokens: Sequence[AccessToken], *, now: datetime | None = None) -> list[TokenUse]:
    """Of those that drew this month, or that have a limit."""
    rows = _counted(now).filter(token__in=tokens).values("token", "currency", "billing")
    uses = {token.pk: TokenUse(token) for token in tokens}
    limited = {token.pk for token in tokens if token.budget is not None or token.per_minute is not None}
    for row in rows.annotate(drawn=Sum("count"), sum=Sum("price")).order_by("token", "currency"):
        use = uses[row["token"]]
        use.pictures += row["drawn"]
        if row["billing"] == Billing.CREDITS:
            use.spent.append((row["currency"], row["sum"]))
    return [use for use in uses.values() if use.pictures or use.token.pk in limited]


def budget_left(token: AccessToken, *, now: datetime | None = None) -> int | None:
    """Micros of its currency that a token may still spend this month; None without a budget."""
    if token.budget is None:
        return None
    spent = _counted(now).filter(token=token, currency=token.budget_currency).aggregate(sum=Sum("price"))["sum"]
    return token.budget - int(spent or 0)


def pictures_in_a_minute(token: AccessToken) -> tuple[int, int]:
    """How many it asked for within the last minute, and the seconds until the first of them is past."""
    now = timezone.now()
    rows = Generation.objects.filter(token=token, created_at__gt=now - timedelta(minutes=1))
    facts = rows.aggregate(sum=Sum("count"), first=Min("created_at"))
    if facts["first"] is None:
        return 0, 0
    return int(facts["sum"]), max(1, math.ceil(60 - (now - facts["first"]).total_seconds()))


def _counted(now: datetime | None) -> QuerySet[Generation]:
    """This calendar month's (UTC), by when they were asked for."""
    month = (now or timezone.now()).astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Generation.objects.filter(created_at__gte=month, state__in=[*UNFINISHED, GenerationState.SUCCEEDED])
