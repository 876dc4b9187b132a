"""Models that can draw, generations, and credits for tests, made through the services themselves."""

import io
import itertools
import json
from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from PIL import Image

from accounts.models import Namespace, User
from accounts.principal import Principal
from hub.models import Repository
from hub.services import versions
from inference.models import Generation
from inference.services import generations, running
from inference.services.generations import Wanted
from inference.services.provenance import sealed_png
from licensing.enums import OrderKind, OrderState
from licensing.models import GrantOfUse, Order
from revenue.enums import SaleKind
from revenue.services.sales import record_sale
from tests.factories import hub, licensing

_numbers = itertools.count(1)
EURO = 1_000_000

CARD = """---
license: {licence}
library_name: diffusers
pipeline_tag: text-to-image
inference:
  parameters:
    num_inference_steps: 4
    guidance_scale: 2.0
---
# A tiny model
"""


def card(licence: str = "apache-2.0") -> bytes:
    return CARD.format(licence=licence).encode()


def model(owner: User | None = None, *, licence: str = "apache-2.0", **facts) -> Repository:
    """A text-to-image model of 16x16 pixels by its configuration files; it has no weights."""
    index = {"_class_name": "StableDiffusion3Pipeline", "transformer": ["diffusers", "SD3Transformer2DModel"]}
    files = {
        "README.md": card(licence),
        "model_index.json": json.dumps(index).encode(),
        "transformer/config.json": json.dumps({"sample_size": 16, "patch_size": 4}).encode(),
        "vae/config.json": json.dumps({"block_out_channels": [8]}).encode(),
    }
    made = hub.repository(owner, files=files, **facts)
    made.refresh_from_db()
    return made


def published(owner: User, **facts) -> Repository:
    """A model with a recorded version, so that its makers earn."""
    made = model(owner, **facts)
    hub.put(made, {"wellspring.json": b"{}"}, by=Principal(user=owner))
    made.refresh_from_db()
    versions.record_version(made, made.head, user=owner)
    return made


def grant_of_use(repository: Repository, holder: Namespace, *, by: User, days: int = 30) -> GrantOfUse:
    """A licence that was bought and paid."""
    offer = licensing.offer(repository)
    quote = licensing.quote(offer, by=Principal(user=by), holder=holder.name)
    now = timezone.now()
    order = Order.objects.create(
        kind=OrderKind.LICENCE,
        quote=quote,
        holder=holder,
        ordered_by=by,
        currency=quote.currency,
        gross=quote.total,
        tax=quote.tax,
        state=OrderState.PAID,
        paid_at=now,
    )
    return GrantOfUse.objects.create(
        order=order,
        offer=offer,
        holder=holder,
        repository=repository,
        product=offer.product,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=days),
    )


def generation(
    owner: User, repository: Repository | None = None, *, prompt: str = "a red circle", **facts
) -> Generation:
    """In the queue, through the service that the doors use."""
    repository = repository or model(owner)
    wanted = {name: facts.pop(name) for name in ("seed", "steps", "guidance", "count") if name in facts}
    return generations.request_generation(
        Principal(user=owner), Wanted(prompt=prompt, **wanted), model=repository.full_name, **facts
    )


def finish(generation: Generation) -> Generation:
    """As a worker does it, with pictures of one colour."""
    claimed = running.claim(generation.pk)
    ended = running.succeed(claimed, [drawn(claimed, index) for index in range(claimed.count)], timings={"device": 0.5})
    assert ended is not None
    return ended


def drawn(generation: Generation, index: int = 0) -> running.Drawn:
    parameters = generation.parameters | {"seed": generation.seed + index}
    parameters["commit"] = parameters.pop("revision")
    picture = Image.new("RGB", (generation.width, generation.height), (200, 30, index))
    content = sealed_png(picture, parameters=parameters, generation=generation.pk)
    return running.Drawn(content, "0" * 64, *picture.size, parameters)


def buy_credits(namespace: Namespace, *, amount: int = EURO) -> None:
    record_sale(
        reference=f"credits:{next(_numbers)}",
        kind=SaleKind.CREDITS,
        customer=namespace,
        currency="eur",
        gross=amount,
        tax=0,
        fee=0,
        at=timezone.now(),
        asset=None,
        graph=None,
    )


def upload_pipeline(owner: User, folder: Path, *, licence: str = "apache-2.0", **facts) -> Repository:
    """A pipeline folder as a repository, all files in git itself."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made = hub.repository(owner, files=files | {"README.md": card(licence)}, **facts)
    made.refresh_from_db()
    return made


def picture_bytes(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))
