"""Manifests of content credentials: what is said about a picture or a sound, signed into its file, read out of one."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# The IPTC term for media created by a trained model, and the one for media made out of other media by one.
AI_GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
AI_COMPOSED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
PNG, WAV = "image/png", "audio/wav"
TRAINING = ("cawg.ai_training", "cawg.ai_generative_training", "cawg.data_mining", "cawg.ai_inference")
# Nothing is fetched, neither from addresses in files nor from authorities.
OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


class CannotSign(Exception):
    """The library is not there, or refuses key or certificate; the message says which."""


@dataclass(frozen=True)
class Signer:
    """PEM of the chain and the key, the algorithm's name, and the address of a time stamping authority or none."""

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    timestamps: str = ""


def manifest(
    parameters: dict[str, Any], *, title: str, page: str, training: str, has_inputs: bool, media_type: str = PNG
) -> dict[str, Any]:
    """Made by which model at which version, where its page is, and whether others may train with it."""
    created = {
        "action": "c2pa.created",
        "digitalSourceType": AI_COMPOSED if has_inputs else AI_GENERATED,
        "softwareAgent": {"name": parameters["model"], "version": parameters["commit"]},
        "parameters": {"com.wellspring.page": page},
    }
    entries = {name: {"use": training} for name in TRAINING}
    return {
        "claim_generator_info": [{"name": "Wellspring", "version": "1"}],
        "title": title,
        "format": media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": "cawg.training-mining", "data": {"entries": entries}},
        ],
    }


def signed(content: bytes, says: dict[str, Any], signer: Signer, *, inputs: Sequence[bytes] = ()) -> bytes:
    """The PNG or WAV with its manifest; `inputs` are the PNGs that it was made from. Raises CannotSign."""
    try:
        import c2pa  # noqa: PLC0415 - 23 MB, for those who sign only
    except Exception as error:
        raise CannotSign(f"The library c2pa-python cannot be loaded: {error}") from error
    made = io.BytesIO()
    try:
        info = c2pa.C2paSignerInfo(
            signer.algorithm.encode(), signer.chain, signer.key, signer.timestamps.encode() or None
        )
        with (
            c2pa.Context.from_dict(OFFLINE) as context,
            c2pa.Signer.from_info(info) as pen,
            c2pa.Builder.from_json(says, context) as builder,
        ):
            for number, source in enumerate(inputs, 1):
                about = {"title": f"input {number}", "relationship": "inputTo"}
                builder.add_ingredient(about, PNG, io.BytesIO(source))
            builder.sign(pen, says["format"], io.BytesIO(content), made)
    except c2pa.C2paError as error:
        raise CannotSign(str(error)) from error
    return made.getvalue()


@dataclass(frozen=True)
class Credentials:
    """What a file's manifest says. `state`: Trusted (by our anchors), Valid (by others), Invalid."""

    state: str
    issuer: str
    title: str
    actions: list[dict[str, Any]]
    failures: list[str]


def read(content: bytes, media_type: str, *, anchors: str) -> Credentials | None:
    """None when the file carries no manifest. Raises whatever the library raises for damaged ones."""
    import c2pa  # noqa: PLC0415 - see above

    settings = OFFLINE | {"trust": {"trust_anchors": anchors}}
    with c2pa.Context.from_dict(settings) as context:
        try:
            reader = c2pa.Reader(media_type, io.BytesIO(content), context=context)
        except c2pa.C2paError.ManifestNotFound:
            return None
        with reader:
            return _said(json.loads(reader.json()))


def _said(store: dict[str, Any]) -> Credentials:
    active = store["manifests"][store["active_manifest"]]
    actions = [
        action
        for assertion in active.get("assertions", [])
        if assertion["label"].startswith("c2pa.actions")
        for action in assertion["data"]["actions"]
    ]
    failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    return Credentials(
        state=store["validation_state"],
        issuer=active.get("signature_info", {}).get("issuer", ""),
        title=active.get("title") or "",
        actions=actions,
        failures=[failure["code"] for failure in failures],
    )
