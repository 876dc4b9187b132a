import pytest

from tests.inference.pipelines import save_flow_pipeline, save_unet_pipeline


class Folders:
    """A source of model folders that are here already."""

    def __init__(self, **folders):
        self.folders = folders

    def folder(self, key, token=None):
        return self.folders[key.repository]


@pytest.fixture(scope="session")
def flow_folder(tmp_path_factory):
    return save_flow_pipeline(tmp_path_factory.mktemp("flow"))


@pytest.fixture(scope="session")
def unet_folder(tmp_path_factory):
    return save_unet_pipeline(tmp_path_factory.mktemp("unet"))


@pytest.fixture
def source(flow_folder, unet_folder):
    return Folders(flow=flow_folder, other=flow_folder, unet=unet_folder)
