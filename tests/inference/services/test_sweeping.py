"""What nobody needs goes, after a while and nothing else; a worker is killed between the file and the row."""

import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from common.models import AuditEntry
from inference.enums import GenerationState
from inference.models import Generation, InputImage
from inference.services import copies, inputs, running, sweeping
from tests.factories.accounts import UserFactory
from tests.factories.inference import finish, generation, given
from tests.inference.serving import PROJECT, until

DAY = 24 * 3600


def age(path, *, days):
    past = time.time() - days * DAY
    os.utime(path, (past, past))


def put(name, *, days):
    path = Path(settings.PICTURES_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"0123456789")
    age(path, days=days)
    return path


def files():
    return {path for path in Path(settings.PICTURES_ROOT).rglob("*") if path.is_file()}


@pytest.mark.django_db
def test_what_no_row_names_goes_after_a_day_and_nothing_else():
    ada = UserFactory()
    done = finish(generation(ada))
    picture, image = done.pictures.get(), given(ada)
    under_way = running.claim(generation(ada).pk)
    copy = copies.copy_of(picture, "webp")
    kept = [picture.path, image.path, put(f"previews/{under_way.pk}.png", days=3)]
    for path in kept:
        age(path, days=300)
    age(copy, days=6)
    kept += [copy, put(f"{'0' * 24}/not-ours.png", days=9), put("aa/cover.png", days=9), put("keys/key.pem", days=9)]
    kept += [put(f"ab/{'0' * 22}ab.png", days=0.9), put(f"inputs/ab/{'ab' * 32}.png", days=0.9)]
    gone = [
        put(f"cd/{'0' * 22}cd.png", days=1.1),
        put(f"cd/{'1' * 22}cd.wav", days=1.1),
        put(f"{picture.pk[-2:]}/{picture.pk}.png.0a1b2c3d.part", days=1.1),
        put(f"inputs/cd/{'cd' * 32}.png", days=1.1),
        put(f"previews/{done.pk}.png", days=1.1),
        put(f"copies/cd/{'cd' * 32}.jpeg", days=7.1),
    ]
    assert files() == {*kept, *gone}
    out = StringIO()
    call_command("inference_sweep", stdout=out)
    assert [line.split()[1] for line in out.getvalue().splitlines()[:4]] == ["3", "1", "1", "1"]
    assert files() == {*kept, *gone}
    call_command("inference_sweep", "--delete", stdout=out)
    assert files() == set(kept)
    assert AuditEntry.objects.get(action="pictures.swept").details["pictures"] == {"number": 3, "size": 30}
    assert set(sweeping.sweep(delete=True)) == set(sweeping.KINDS)
    assert AuditEntry.objects.filter(action="pictures.swept").count() == 1


@pytest.mark.django_db
def test_an_image_that_somebody_gives_while_it_is_swept_stays():
    image = given(UserFactory())
    age(image.path, days=3)
    row = InputImage.objects.get()
    InputImage.objects.all().delete()
    (found,) = sweeping._unneeded(sweeping.KINDS["inputs"])
    row.save(force_insert=True)
    assert inputs.forget_file(found[0], image.sha256) is False
    assert image.path.exists()


WORKER = """
import django
django.setup()
from inference.models import Generation
from inference.services import running
from tests.factories.inference import drawn
generation = Generation.objects.get(state="running")
running.succeed(generation, [drawn(generation)], timings={})
"""


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_left_is_swept_and_the_next_worker_draws_it(tmp_path):
    claimed = running.claim(generation(UserFactory()).pk)
    facts = connection.settings_dict
    place = f"{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}"
    more = {"DATABASE_URL": f"postgresql://{place}/{facts['NAME']}", "PYTHONPATH": str(PROJECT)}
    more |= {"WELLSPRING_PICTURES": str(settings.PICTURES_ROOT), "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    with transaction.atomic():
        # It writes the file, and then waits for this row.
        Generation.objects.select_for_update().get(pk=claimed.pk)
        with subprocess.Popen([sys.executable, "-c", WORKER], cwd=PROJECT, env=os.environ | more) as worker:
            until(lambda: worker.poll() is not None or any(path.suffix == ".png" for path in files()))
            worker.kill()
    (left,) = files()
    claimed.refresh_from_db()
    assert (claimed.state, claimed.pictures.count()) == (GenerationState.RUNNING, 0)
    sweeping.sweep(delete=True)
    assert left.exists()
    age(left, days=1.1)
    Generation.objects.update(lease_until=None)
    done = finish(claimed)
    sweeping.sweep(delete=True)
    assert files() == {done.pictures.get().path}
