"""Models that can draw, generations, and credits for tests, made through the services themselves."""

import hashlib
import io
import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.utils import timezone
from PIL import Image

from accounts.models import Namespace, User
from accounts.principal import Principal
from hub.models import Repository
from hub.services import versions
from inference.engine.requests import Result, Sound, Timings
from inference.models import Generation, InputImage
from inference.services import generations, inputs, running
from inference.services.marking import seal
from inference.services.planning import Wanted
from inference.services.sounding import sounded
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
pipeline_tag: {tag}
inference:
  parameters:
    num_inference_steps: 4
    guidance_scale: 2.0
---
# A tiny model
"""


def card(licence: str = "apache-2.0", tag: str = "text-to-image") -> bytes:
    return CARD.format(licence=licence, tag=tag).encode()


def model(
    owner: User | None = None,
    *,
    licence: str = "apache-2.0",
    pipeline: str = "StableDiffusion3Pipeline",
    more: dict[str, dict] | None = None,
    tag: str = "text-to-image",
    **facts,
) -> Repository:
    """A text-to-image model of 16x16 pixels by its configuration files, and `more`; it has no weights."""
    denoiser = "transformer" if pipeline == "StableDiffusion3Pipeline" else "unet"
    index = {"_class_name": pipeline, denoiser: ["diffusers", "X"], "text_encoder": ["transformers", "Y"]}
    files = {
        "README.md": card(licence, tag),
        "model_index.json": json.dumps(index).encode(),
        f"{denoiser}/config.json": json.dumps({"sample_size": 16, "patch_size": 4}).encode(),
        "vae/config.json": json.dumps({"block_out_channels": [8]}).encode(),
    }
    files |= {name: json.dumps(value).encode() for name, value in (more or {}).items()}
    made = hub.repository(owner, files=files, **facts)
    made.refresh_from_db()
    return made


def sound_model(owner: User | None = None, *, licence: str = "apache-2.0", **facts) -> Repository:
    """A model of sounds of a quarter of a second, in stereo at 4 kHz, by its configuration files; without weights."""
    index = {"_class_name": "DanceDiffusionPipeline", "unet": ["diffusers", "UNet1DModel"]}
    network = {"sample_size": 1024, "sample_rate": 4000, "out_channels": 2, "up_block_types": ["Up"] * 3}
    files = {
        "README.md": card(licence).replace(b"text-to-image", b"unconditional-audio-generation"),
        "model_index.json": json.dumps(index).encode(),
        "unet/config.json": json.dumps(network).encode(),
    }
    made = hub.repository(owner, files=files, **facts)
    made.refresh_from_db()
    return made


def published(owner: User, *, make: Callable[..., Repository] = model, **facts) -> Repository:
    """A model (or what `make` makes) with a recorded version, so that its makers earn."""
    made = make(owner, **facts)
    hub.put(made, {"wellspring.json": b"{}"}, by=Principal(user=owner))
    made.refresh_from_db()
    versions.record_version(made, made.head, user=owner)
    return made


def lora(
    owner: User | None = None, *, layer: str = "unet.down.to_q", licence: str = "apache-2.0", **facts
) -> Repository:
    """An adapter of one layer, by the header of its file and zeros."""
    tensors = {f"{layer}.lora_A.weight": [2, 8], f"{layer}.lora_B.weight": [8, 2]}
    files = {"pytorch_lora_weights.safetensors": weights(tensors)}
    made = hub.repository(owner, files=files | {"README.md": card(licence)}, **facts)
    made.refresh_from_db()
    return made


def weights(shapes: dict[str, list[int]]) -> bytes:
    """A safetensors file of matrices of zeros."""
    offset, head = 0, {}
    for name, shape in shapes.items():
        end = offset + 4 * shape[0] * shape[1]
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + bytes(offset)


def finder(
    owner: User | None = None, folder: Path | None = None, *, licence: str = "apache-2.0", **facts
) -> Repository:
    """A model that finds things by words: the files of a folder, or its configuration alone."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()} if folder else {}
    files.setdefault("config.json", b'{"architectures": ["CLIPSegForImageSegmentation"]}')
    text = f"---\nlicense: {licence}\npipeline_tag: image-segmentation\ntags: [clipseg]\n---\n# It finds\n"
    made = hub.repository(owner, files=files | {"README.md": text.encode()}, **facts)
    made.refresh_from_db()
    return made


def given(owner: User, kind: str = "image", *, size: tuple[int, int] = (16, 16), colour=(200, 30, 10)) -> InputImage:
    """An image or mask that a person gave, of one colour (the right half of a mask is white)."""
    file = io.BytesIO()
    if kind == "image":
        Image.new("RGB", size, colour).save(file, "PNG")
        return inputs.keep_image(file.getvalue(), by=Principal(user=owner))
    mask = Image.new("L", size, 0)
    mask.paste(255, (size[0] // 2, 0, *size))
    mask.save(file, "PNG")
    return inputs.keep_mask(file.getvalue(), by=Principal(user=owner))


def grant_of_use(repository: Repository, holder: Namespace, *, by: User, days: int = 30, **terms) -> GrantOfUse:
    """A licence that was bought and paid; it names the version of that time."""
    offer = licensing.offer(repository, **terms)
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
        versions=[{"number": quote.version.number, "commit": quote.version.commit}] if quote.version else [],
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=days),
    )


def generation(
    owner: User, repository: Repository | None = None, *, prompt: str = "a red circle", **facts
) -> Generation:
    """In the queue, through the service that the doors use."""
    repository = repository or model(owner)
    wanted = {name: facts.pop(name) for name in vars(Wanted("")) if name in facts}
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
    if "loras" in parameters:
        parameters["loras"] = [use | {"commit": use["revision"]} for use in parameters["loras"]]
    if generation.is_sound:
        return sounded(generation, _humming(parameters))
    picture = Image.new("RGB", (generation.width, generation.height), (200, 30, index))
    sealed = seal(picture, parameters, generation=generation)
    return running.Drawn(
        sealed.content,
        hashlib.sha256(sealed.content).hexdigest(),
        *picture.size,
        sealed.parameters,
        drawn_sha256=sealed.drawn_sha256,
        mark=sealed.mark,
        credentials_failure=sealed.credentials_failure,
    )


def _humming(parameters: dict) -> Result:
    """A low tone, as an engine would give it back."""
    told = {name: parameters[name] for name in ("model", "commit", "seed", "steps", "seconds")}
    times = np.arange(round(told["seconds"] * 4000)) / 4000
    samples = np.tile(0.5 * np.sin(2 * np.pi * 220 * times), (2, 1)).astype(np.float32)
    told |= {"sample_rate": 4000, "channels": 2, "sampler": "IPNDMScheduler"}
    return Result(Sound(samples, 4000), told, Timings())


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
