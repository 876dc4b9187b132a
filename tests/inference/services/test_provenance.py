import pytest
from PIL import Image

from inference.algorithms import png
from inference.services.provenance import ProvenanceInvalid, sealed_png, verified

PARAMETERS = {
    "model": "lab/shapes",
    "commit": "a" * 40,
    "prompt": "a red circle",
    "negative_prompt": "",
    "seed": 7,
    "steps": 12,
    "guidance": 2.0,
    "width": 8,
    "height": 8,
}
PICTURE = Image.new("RGB", (8, 8), "red")


def test_a_sealed_picture_names_its_model_and_verifies():
    claims = verified(sealed_png(PICTURE, parameters=PARAMETERS, generation="0" * 24))
    assert (claims["model"], claims["commit"], claims["seed"]) == ("lab/shapes", "a" * 40, 7)
    assert claims["sub"] == f"generation:{'0' * 24}"


def test_changed_pixels_changed_parameters_and_foreign_statements_are_found():
    content = sealed_png(PICTURE, parameters=PARAMETERS, generation="0" * 24)
    _picture, parameters, statement = png.decode(content)
    painted = png.encode(Image.new("RGB", (8, 8), "blue"), parameters=parameters, statement=statement)
    reworded = png.encode(PICTURE, parameters=parameters | {"seed": 8}, statement=statement)
    foreign = png.encode(PICTURE, parameters=parameters, statement=statement[:-4] + "AAAA")
    for changed in (painted, reworded, foreign):
        with pytest.raises(ProvenanceInvalid):
            verified(changed)
