import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

from tests.factories.accounts import UserFactory
from tests.factories.inference import model

pytestmark = pytest.mark.django_db


ASKED: list[tuple[int, ...]] = []


class Watched(TemporaryUploadedFile):
    """Remembers how much of it is asked for at once."""

    def read(self, *size):
        ASKED.append(size)
        return self.file.read(*size)


class Watching(TemporaryFileUploadHandler):
    def new_file(self, *facts, **more):
        super().new_file(*facts, **more)
        self.file.close()
        self.file = Watched(self.file_name, self.content_type, 0, self.charset, self.content_type_extra)


def test_no_more_of_a_file_is_read_than_it_may_be_long(client, settings):
    settings.FILE_UPLOAD_HANDLERS = [f"{__name__}.Watching"]
    ASKED.clear()
    ada = UserFactory()
    for path in ("/api/verify-picture", "/studio/verify"):
        sent = {"picture": SimpleUploadedFile("a.png", b"no picture", content_type="image/png")}
        assert client.post(path, sent).status_code == 400
    client.force_login(ada)
    files = {name: SimpleUploadedFile("a.png", b"no picture") for name in ("image", "mask")}
    body = {"model": model(ada, pipeline="StableDiffusionPipeline").full_name, "task": "inpainting", "prompt": "x"}
    client.post("/studio", body | files | {"billed": ada.namespace.pk, "count": 1})
    assert len(ASKED) == 4
    assert all(ASKED)
