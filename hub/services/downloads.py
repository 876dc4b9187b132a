"""Counting downloads: distinct clients a day, never more (docs/decisions/067)."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.principal import Principal
from accounts.selectors import role_in
from common.addresses import network_of
from hub.algorithms.agents import family, is_ci
from hub.enums import DownloadKind
from hub.models import Download, Repository

_COUNTED = (
    ".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".npz", ".tflite",
    ".parquet", ".arrow", ".csv", ".jsonl", ".tar", ".zip",
)  # fmt: skip


def is_counted(path: str) -> bool:
    """Weights and data count; cards, configurations and pictures do not."""
    return path.lower().endswith(_COUNTED)


@transaction.atomic
def count(repository: Repository, *, by: Principal, address: str, agent: str, ci: bool = False) -> None:
    """Count this client for today, once. Neither name nor address is kept, only a digest that changes daily.

    `ci` tells that an earlier request for the same download came from a build.
    """
    today = timezone.now().date()
    kind = _kind(repository, by, ci=ci or is_ci(agent))
    who = f"user:{by.user.pk}" if by.user is not None else f"{network_of(address)}|{family(agent)}"
    client = salted_hmac("hub.downloads", f"{today}|{repository.pk}|{kind}|{who}", algorithm="sha256").hexdigest()
    _row, created = Download.objects.get_or_create(
        repository=repository, day=today, client=client, defaults={"kind": kind}
    )
    if created and kind != DownloadKind.CI:
        Repository.objects.filter(pk=repository.pk).update(
            downloads=F("downloads") + 1, downloads_all_time=F("downloads_all_time") + 1
        )


def _kind(repository: Repository, by: Principal, *, ci: bool) -> DownloadKind:
    # Tokens with a reference were made for a job that runs here, or for a build by a trusted publisher.
    if ci or (by.token is not None and by.token.reference.startswith(("job:", "publisher:"))):
        return DownloadKind.CI
    if by.user is not None and role_in(by.user, repository.namespace) is not None:
        return DownloadKind.OWN
    return DownloadKind.CLIENT
