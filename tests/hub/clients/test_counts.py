"""Downloads as real clients make them: each counts once, builds apart."""

import subprocess

import pytest

from hub.models import Download, Repository
from hub.services import bulk
from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e

SNAPSHOT = 'hf.snapshot_download("ada/tiny", local_dir=here / sys.argv[1].rsplit("/", 1)[1])'


@pytest.fixture
def tiny(site):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny", files={"config.json": b"{}", "README.md": b"# Hi"})
    large = {"model.safetensors": b"1" * 2_000_000, "more/data.parquet": b"2" * 1_000_000, "small.bin": b"3" * 10}
    make.put_large(repository, large, by=make.as_principal(ada))
    return repository


def kinds(repository):
    return sorted(Download.objects.filter(repository=repository).values_list("kind", flat=True))


def folder(tmp_path, name):
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_a_snapshot_counts_once_whatever_its_doors(site, tiny, tmp_path):
    run(site, folder(tmp_path, "a"), None, SNAPSHOT)
    run(site, folder(tmp_path, "b"), None, SNAPSHOT, HF_HUB_DISABLE_XET="1")
    run(site, folder(tmp_path, "c"), None, 'hf.hf_hub_download("ada/tiny", "small.bin")')
    assert kinds(tiny) == ["client"]

    run(site, folder(tmp_path, "d"), site.token(make.person("bob")), SNAPSHOT)
    script = 'api.model_info("ada/tiny"); hf.get_hf_file_metadata(hf.hf_hub_url("ada/tiny", "small.bin"))'
    run(site, folder(tmp_path, "e"), None, script)
    assert kinds(tiny) == ["client", "client"]
    assert Repository.objects.get().downloads == 2


def test_what_only_xet_fetched_counts_once_and_a_build_stays_one(site, tmp_path):
    ada = make.person("ada")
    script = """
        api.create_repo("ada/tiny")
        data = os.urandom(3_000_000)
        api.upload_file(path_or_fileobj=data, path_in_repo="m.safetensors", repo_id="ada/tiny")
        """
    run(site, folder(tmp_path, "up"), site.token(ada), script)
    repository = Repository.objects.get()
    assert kinds(repository) == []

    run(site, folder(tmp_path, "a"), None, SNAPSHOT)
    run(site, folder(tmp_path, "b"), None, SNAPSHOT)
    assert kinds(repository) == ["client"]
    build = 'from transformers.utils.hub import cached_file; answer["path"] = cached_file("ada/tiny", "m.safetensors")'
    run(site, folder(tmp_path, "c"), None, build, TRANSFORMERS_IS_CI="true", HF_HUB_DISABLE_TELEMETRY="0")
    run(site, folder(tmp_path, "d"), None, SNAPSHOT, HF_HUB_USER_AGENT_ORIGIN="ci")
    run(site, folder(tmp_path, "e"), None, SNAPSHOT, HF_HUB_USER_AGENT_ORIGIN="ci", HF_HUB_DISABLE_XET="1")

    assert kinds(repository) == ["ci", "client"]
    repository.refresh_from_db()
    assert (repository.downloads, repository.downloads_all_time) == (1, 1)


def test_a_clone_counts_once_and_an_update_not_at_all(site, tiny, tmp_path):
    def git(*command, cwd=tmp_path):
        done = subprocess.run(
            ["git", *command], cwd=cwd, env=site.environment(tmp_path), capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr

    git("ls-remote", f"{site.url}/ada/tiny")
    assert kinds(tiny) == []
    git("clone", f"{site.url}/ada/tiny", "one")
    git("clone", "--depth", "1", f"{site.url}/ada/tiny", "two")
    assert kinds(tiny) == ["client"]
    Download.objects.all().delete()
    make.put(tiny, {"new.txt": b"new"}, by=make.as_principal(tiny.created_by))
    git("fetch", cwd=tmp_path / "one")
    assert kinds(tiny) == []


def test_the_stock_client_downloads_with_a_bulk_token(site, tiny, tmp_path):
    grant, text = bulk.ask("To see that every byte is counted.", by=make.as_principal(make.person("bob")))

    answer = run(
        site, tmp_path, text, 'answer["path"] = str(hf.snapshot_download("ada/tiny", local_dir=here / "back"))'
    )

    assert (tmp_path / "back/model.safetensors").read_bytes() == b"1" * 2_000_000
    assert answer["path"]
    sizes = [
        path.stat().st_size for path in (tmp_path / "back").rglob("*") if path.is_file() and ".cache" not in path.parts
    ]
    assert grant.usage.get().bytes == sum(sizes)
