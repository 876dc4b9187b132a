"""Training is refused where the data set's licence forbids it."""

import pytest

from compute.recipes.licences import require_base, require_trainable
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


def _base(*licences, model="apache-2.0", accepted=""):
    require_base(model="lab/base", licences=licences, model_licence=model, accepted=accepted)


@pytest.mark.parametrize("licence", ["apache-2.0", "MIT", "cc-by-4.0", "bsd-3-clause"])
def test_open_models_may_be_built_on(licence):
    _base(licence)


@pytest.mark.parametrize(
    ("licence", "model", "message"),
    [
        ("cc-by-nd-4.0", "cc-by-nd-4.0", "forbids that something is made"),
        ("all-rights-reserved", "apache-2.0", "forbids that something is made"),
        ("cc-by-nc-4.0", "apache-2.0", "non-commercial licence"),
        ("flux-1-dev-non-commercial-license", "mit", "non-commercial licence"),
        ("creativeml-openrail-m", "apache-2.0", "Set 'publish.licence' to creativeml-openrail-m"),
        ("cc-by-sa-4.0", "mit", "Set 'publish.licence' to cc-by-sa-4.0"),
        ("llama3.1", "apache-2.0", "asks that its terms stay"),
        ("house-rules-1", "apache-2.0", "set 'accept_base_licence'"),
        ("", "apache-2.0", "names no licence"),
    ],
)
def test_a_base_that_forbids_it_is_refused(licence, model, message):
    with pytest.raises(Refused, match=message):
        _base(licence, model=model)


def test_terms_may_stay_with_what_is_made():
    _base("cc-by-nc-4.0", model="cc-by-nc-sa-4.0")
    _base("creativeml-openrail-m", model="openrail++")
    _base("llama3.1", model="llama3.1")
    _base("house-rules-1", accepted="apache-2.0")
    _base(accepted="mit")
    with pytest.raises(Refused, match="forbids"):
        _base("house-rules-1", accepted="cc-by-nd-4.0")
