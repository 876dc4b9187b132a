import json

import pytest
from PIL import Image

from inference.algorithms import png

PARAMETERS = {
    "model": "lab/shapes",
    "commit": "a" * 40,
    "prompt": "a réd circle",
    "negative_prompt": "blue",
    "seed": 7,
    "steps": 12,
    "guidance": 2.0,
    "width": 8,
    "height": 8,
}


def test_a_picture_comes_back_with_everything_that_was_put_in():
    picture = Image.new("RGB", (8, 8), "red")
    content = png.encode(picture, parameters=PARAMETERS, statement="x.y.z")
    again, parameters, statement = png.decode(content)
    assert (parameters, statement) == (PARAMETERS, "x.y.z")
    assert png.pixels_digest(again) == png.pixels_digest(picture)
    assert json.loads(again.text["wellspring"]) == PARAMETERS


def test_other_files_carry_no_provenance(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    for content in (b"", b"GIF89a", (tmp_path / "plain.png").read_bytes()):
        with pytest.raises(png.NotOurPicture):
            png.decode(content)
