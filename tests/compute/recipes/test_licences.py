"""Training is refused where the data set's licence forbids it."""

import pytest

from compute.recipes.licences import require_trainable
from compute.recipes.refusal import Refused


def _require(*licences, model="apache-2.0", accepted=""):
    require_trainable(dataset="lab/data", dataset_licences=licences, model_licence=model, accepted=accepted)


@pytest.mark.parametrize("licence", ["cc0-1.0", "CC-BY-4.0", "cc-by-sa-4.0", "mit", "odc-by", "cdla-permissive-2.0"])
def test_open_data_may_be_trained_on(licence):
    _require(licence)


@pytest.mark.parametrize("licence", ["cc-by-nd-4.0", "cc-by-nc-nd-4.0"])
@pytest.mark.parametrize("model", ["apache-2.0", "cc-by-nc-4.0"])
def test_no_derivatives_is_refused_always(licence, model):
    with pytest.raises(Refused, match="forbids derived works"):
        _require(licence, model=model, accepted="cc0-1.0")


def test_non_commercial_data_needs_a_non_commercial_model():
    _require("cc-by-nc-4.0", model="cc-by-nc-sa-4.0")
    with pytest.raises(Refused, match=r"Set 'publish.licence' to a non-commercial licence"):
        _require("cc-by-nc-4.0", model="openrail")


@pytest.mark.parametrize("licences", [(), ("other",), ("",), ("unknown",)])
def test_unknown_licence_must_be_vouched_for(licences):
    with pytest.raises(Refused, match="accept_dataset_licence"):
        _require(*licences)
    _require(*licences, accepted="cc-by-4.0")


def test_a_vouched_licence_is_held_to_the_same_rules():
    with pytest.raises(Refused, match="forbids derived works"):
        _require("other", accepted="cc-by-nd-4.0")


def test_every_one_of_several_licences_counts():
    with pytest.raises(Refused, match="under cc-by-nd-4"):
        _require("mit", "cc-by-nd-4.0")
