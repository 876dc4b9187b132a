"""The settings reference names every environment variable that the code reads."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
READING = re.compile(r'env\.(?:text|flag|integer|pair|words|path)\(\s*"([A-Z_]+)"')


def test_every_setting_is_documented():
    source = "".join(file.read_text() for file in (PROJECT / "config").rglob("*.py"))
    reference = (PROJECT / "docs" / "reference" / "settings.md").read_text()
    names = set(READING.findall(source))
    assert len(names) > 15
    missing = {
        name for name in names if name not in reference and f"`_{name.removeprefix('WELLSPRING_')}`" not in reference
    }
    assert missing == set()
