import pytest


@pytest.fixture(autouse=True)
def _places(settings, tmp_path):
    """Pictures and models of each test in a folder of its own."""
    settings.PICTURES_ROOT = tmp_path / "pictures"
    settings.MODELS_ROOT = tmp_path / "models"
