"""Counting downloads: distinct clients a day, never more."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.principal import Principal
from hub.models import Download, Repository

_COUNTED = (
    ".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".npz", ".tflite",
    ".parquet", ".arrow", ".csv", ".jsonl", ".tar", ".zip",
)  # fmt: skip


def is_counted(path: str) -> bool:
    """Weights and data count; cards, configurations and pictures do not."""
    return path.lower().endswith(_COUNTED)


@transaction.atomic
def count(repository: Repository, *, by: Principal, address: str, agent: str) -> None:
    """Count this client for today, once. Neither name nor address is kept, only a digest that changes daily."""
    today = timezone.now().date()
    who = f"user:{by.user.pk}" if by.user is not None else f"{address}|{agent}"
    client = salted_hmac("hub.downloads", f"{today}|{repository.pk}|{who}", algorithm="sha256").hexdigest()
    _row, created = Download.objects.get_or_create(repository=repository, day=today, client=client)
    if created:
        Repository.objects.filter(pk=repository.pk).update(
            downloads=F("downloads") + 1, downloads_all_time=F("downloads_all_time") + 1
        )
