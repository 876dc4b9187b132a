"""Versions by name, and LoRAs that fit a version of a model."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Refusal
from hub.algorithms.usage import LORA_FILE
from hub.algorithms.weights import WeightsUnreadable
from hub.models import Repository
from hub.selectors import files_ending, head_commit, revision_of
from hub.selectors.cards import licence_at
from hub.services.weights import INDEX, tensors_at
from inference.algorithms import adapters
from inference.algorithms.profiles import MAX_LORA_SCALE, MAX_LORAS, Profile
from inference.errors import Unprocessable
from inference.selectors import base_of, is_lora, model_named


@dataclass(frozen=True)
class LoraWanted:
    """A LoRA by its repository, and how strongly it acts."""

    model: str
    scale: float = 1.0
    revision: str = "main"


@dataclass(frozen=True)
class LoraPlan:
    """A LoRA that was found and fits."""

    repository: Repository
    commit: str
    licence: str
    scale: float


def version_named(principal: Principal, name: str, revision: str, *, field: str) -> tuple[Repository, str]:
    """A model and the commit of its version, for somebody who may have its contents.

    Raises the hub's refusals with the `field` that named it, and Unprocessable.
    """
    named = "model" if field == "revision" else field
    if not name:
        raise Unprocessable(_("No model is named."), hint=_("Name one as owner/name."), field=named)
    try:
        repository = model_named(principal, name)
    except Refusal as refusal:
        refusal.context.setdefault("field", named)
        raise
    commit = head_commit(repository, revision)
    if commit is None:
        raise Unprocessable(
            _("%(model)s has no version %(revision)s.") % {"model": repository.full_name, "revision": revision},
            hint=_("Leave the revision out to use the newest one."),
            field=field,
        )
    return repository, commit


def not_a_pipeline(principal: Principal, repository: Repository) -> Unprocessable:
    """For what is asked and cannot be; a LoRA can beside its base."""
    hint = _("Choose a model from the Studio's list.")
    if is_lora(repository):
        base = base_of(principal, repository)
        hint = _("It is a LoRA: ask %(model)s, and name it among the LoRAs.") % {
            "model": base.full_name if base else _("the model that it was made for")
        }
    return Unprocessable(
        _("%(model)s is no pipeline that can be asked for pictures or sounds.") % {"model": repository.full_name},
        hint=hint,
        field="model",
    )


def loras_for(
    principal: Principal, base: Repository, commit: str, profile: Profile, wanted: tuple[LoraWanted, ...]
) -> tuple[LoraPlan, ...]:
    """The LoRAs by name, found and fitting the version of the model. Raises the hub's refusals, Unprocessable."""
    if len(wanted) > MAX_LORAS:
        raise Unprocessable(_("At most %(most)d LoRAs can be combined.") % {"most": MAX_LORAS}, field="loras")
    found = [_lora(principal, one) for one in wanted]
    if len({one.repository.pk for one in found}) < len(found):
        raise Unprocessable(_("A LoRA is named twice."), hint=_("Name it once."), field="loras")
    network = _shapes(base, commit, profile.denoiser) if found else {}
    for one in found:
        _check_fit(one, base, profile, network)
    return tuple(found)


def _lora(principal: Principal, wanted: LoraWanted) -> LoraPlan:
    repository, commit = version_named(principal, wanted.model, wanted.revision, field="loras")
    if wanted.scale == 0 or not -MAX_LORA_SCALE <= wanted.scale <= MAX_LORA_SCALE:
        raise Unprocessable(
            _("The scale of a LoRA lies between %(least)s and %(most)s, and is not 0.")
            % {"least": -MAX_LORA_SCALE, "most": MAX_LORA_SCALE},
            hint=_("Change it and try again."),
            field="loras",
        )
    return LoraPlan(repository, commit, licence_at(repository, commit), float(wanted.scale))


def _check_fit(lora: LoraPlan, base: Repository, profile: Profile, network: dict[str, adapters.Shape]) -> None:
    revision = revision_of(lora.repository, lora.commit)
    try:
        tensors = {one.name: one.shape for one in tensors_at(revision, LORA_FILE)}
    except WeightsUnreadable as error:
        raise Unprocessable(
            _("%(model)s has no LoRA in the format of diffusers (%(file)s).")
            % {"model": lora.repository.full_name, "file": LORA_FILE},
            hint=_("Choose another one."),
            field="loras",
        ) from error
    wrong = adapters.what_does_not_fit(tensors, parts=profile.parts, denoiser=profile.denoiser, network=network)
    if wrong or not tensors:
        raise Unprocessable(
            _("The LoRA %(lora)s does not fit %(model)s: %(tensor)s.")
            % {"lora": lora.repository.full_name, "model": base.full_name, "tensor": wrong[:200] or "–"},
            hint=_("Use one that was made for a model of this family."),
            field="loras",
        )


def _shapes(repository: Repository, commit: str, folder: str) -> dict[str, adapters.Shape]:
    """The tensors of the network in this folder; empty when their headers cannot be read."""
    revision = revision_of(repository, commit)
    paths = [file.path for file in files_ending(revision, ".safetensors", INDEX) if file.path.startswith(f"{folder}/")]
    if not paths:
        return {}
    path = min(paths, key=lambda path: (not path.endswith(INDEX), len(path), path))
    try:
        return {one.name: one.shape for one in tensors_at(revision, path)}
    except WeightsUnreadable:
        return {}
