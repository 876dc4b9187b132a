"""The table of tensors on the page of a file of weights, and what the page of a model says about them."""

from typing import Any

from django.http import HttpRequest

from common.pagination import page_of
from hub.algorithms import tensors
from hub.algorithms.weights import HeaderTooLong, WeightsUnreadable
from hub.models import Repository
from hub.selectors.revisions import File, Revision, first_file
from hub.services import weights

SIZE = 200


def tensors_context(request: HttpRequest, revision: Revision, file: File) -> dict[str, Any]:
    """For hub/tensors.html; the caller has checked that this person may read the file."""
    if not weights.describes_tensors(file.path):
        return {}
    try:
        found = weights.tensors_at(revision, file.path)
    except HeaderTooLong:
        return {"tensor_fault": "long", "tensor_limit": weights.SHOWN_HEADER}
    except WeightsUnreadable:
        return {"tensor_fault": "broken"}
    text, prefix = request.GET.get("tensor", "").strip(), request.GET.get("in", "")
    level = tensors.level(found, prefix if prefix.endswith(".") else "")
    rows = tensors.matching(found, text) if text else [*level.folds, *level.tensors]
    return {
        "tensors": page_of(request, rows, size=SIZE),
        "tensor_count": len(found),
        "tensor_totals": tensors.totals(found),
        "tensor_parameters": sum(one.parameters for one in found),
        "tensor_text": text,
        "tensor_level": level,
        "tensor_steps": tensors.steps_to(level.prefix),
        "tensor_files": len({one.file for one in found}) > 1,
    }


def weights_context(repository: Repository, revision: Revision) -> dict[str, Any]:
    """What the weights of a model said when they came, and the file whose page lists them."""
    facts = repository.weights.get("safetensors", {})
    listed = first_file(revision, weights.INDEX) or first_file(revision, ".safetensors") if facts else ""
    return {
        "parameters": repository.parameters,
        "parameter_types": sorted(facts.get("parameters", {}).items(), key=lambda item: -item[1]),
        "gguf": repository.weights.get("gguf", {}),
        "tensor_file": listed,
    }
