"""Safety as the stock client, git and a browser see it."""

import pickle

import pytest

from hub.models import Repository
from hub.services import reports, scanning
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory
from tests.hub.algorithms.test_pickles import Calls
from tests.hub.algorithms.test_secrets import FOUND
from tests.hub.clients.test_git import git
from tests.support.browser import chromium

pytestmark = pytest.mark.e2e

EVIL = pickle.dumps(Calls(eval, "1"))
RUN = (
    "document.documentElement.setAttribute('data-ran', '1'); fetch('/ran-' + document.domain); window.top.name = 'ran'"
)
PAGES = {
    "page.html": f'<!doctype html><title>x</title><script>{RUN}</script><img src=x onerror="{RUN}">',
    "page.svg": f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"{RUN}\"><script>{RUN}</script></svg>",
    "page.xml": f"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><script>{RUN}</script></html>",
    "page.xhtml": f"<html xmlns='http://www.w3.org/1999/xhtml'><script>{RUN}</script></html>",
    "page.txt": f"<script>{RUN}</script>",
    "page": f"<!doctype html><script>{RUN}</script>",
    "page.js": RUN,
    "page.pdf": f"<script>{RUN}</script>",
    "page.png": f"<html><script>{RUN}</script></html>",
}
CARD = f"""# Card
<script>{RUN}</script>
<img src=x onerror="{RUN}">
<svg onload="{RUN}"></svg>
<iframe src="javascript:{RUN}"></iframe>
<a id="sly" href="javascript:{RUN}">a</a>
<details open ontoggle="{RUN}">d</details>
<style>@import '/ran-style';</style>
<form action="/ran-form"><input autofocus onfocus="{RUN}"></form>
<math><mtext><table><mglyph><style><img src=x onerror="{RUN}"></style></mglyph></table></mtext></math>
[b](javascript:alert(1)) ![c](javascript:alert(1)) <base href="https://example.org/">
"""


def upheld(repository, **more):
    staff = make.as_principal(StaffFactory())
    report = reports.file_report(repository, kind="copyright", statement="Mine", by=staff)
    reports.take_up(report, by=staff)
    return reports.uphold(report, **({"rule": "r", "reason": "y", "by": staff, "is_whole": True} | more))


def test_the_stock_client_reads_verdicts_and_refusals(site, tmp_path):
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import (
        DisabledRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RemoteEntryNotFoundError,
    )

    ada = make.person("ada")
    repository = make.repository(ada, "tiny", files={"evil.pkl": EVIL, "a.txt": b"x"})
    scanning.scan_ref(repository, "refs/heads/main")
    api = HfApi(site.url, token=site.token(ada))

    files = {one.path: one for one in api.list_repo_tree("ada/tiny", expand=True)}
    assert files["evil.pkl"].security.status == "unsafe"
    assert files["evil.pkl"].security.safe is False
    assert files["a.txt"].security.safe is True
    assert api.get_paths_info("ada/tiny", "evil.pkl", expand=True)[0].security.pickle_import_scan["pickleImports"]
    issues = api.model_info("ada/tiny", securityStatus=True).security_repo_status["filesWithIssues"]
    assert [issue["path"] for issue in issues] == ["evil.pkl"]
    assert hf_hub_download("ada/tiny", "evil.pkl", endpoint=site.url, cache_dir=tmp_path / "cache")

    with pytest.raises(HfHubHTTPError, match=r"keys\.txt:1"):
        api.upload_file(path_or_fileobj=FOUND["GitHub token"].encode(), path_in_repo="keys.txt", repo_id="ada/tiny")
    upheld(repository, is_whole=False, paths=["a.txt"])
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download("ada/tiny", "a.txt", endpoint=site.url, cache_dir=tmp_path / "other", token=False)
    upheld(repository)
    with pytest.raises(DisabledRepoError):
        HfApi(site.url, token=False).model_info("ada/tiny")
    assert api.model_info("ada/tiny").disabled is True
    with pytest.raises(LocalEntryNotFoundError) as refused:
        hf_hub_download("ada/tiny", "evil.pkl", endpoint=site.url, cache_dir=tmp_path / "third", token=site.token(ada))
    assert isinstance(refused.value.__cause__, DisabledRepoError)


def test_git_is_told_of_credentials(site, tmp_path):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    address = site.url.replace("http://", f"http://ada:{site.token(ada)}@") + "/ada/tiny"
    git(site, tmp_path, "clone", address, "clone")
    clone = tmp_path / "clone"
    (clone / "folder").mkdir()
    (clone / "folder/keys.txt").write_text("x\n" + FOUND["GitHub token"])
    git(site, clone, "add", ".")
    git(site, clone, "commit", "-m", "Add keys")

    said = git(site, clone, "push", "origin", "HEAD:main", fails=True)
    assert "folder/keys.txt:2" in said
    (clone / "folder/keys.txt").write_text("clean")
    git(site, clone, "commit", "-am", "Take them out")
    assert "GitHub token" in git(site, clone, "push", "origin", "HEAD:main", fails=True)  # history is public too

    Repository.objects.filter(pk=repository.pk).update(visibility="private")
    assert "GitHub token" in git(site, clone, "push", "origin", "HEAD:main")
    Repository.objects.filter(pk=repository.pk).update(visibility="public")
    (clone / "more.txt").write_text(FOUND["AWS access key"])
    git(site, clone, "add", ".")
    git(site, clone, "commit", "-m", "Add another", "-m", "Allow-Secrets: made up for a test")
    git(site, clone, "push", "origin", "HEAD:main")


def test_git_cannot_fetch_what_is_disabled(site, tmp_path):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny", files={"a.txt": b"x"})
    upheld(repository)
    assert "403" in git(site, tmp_path, "clone", f"{site.url}/ada/tiny", "clone", fails=True)


def test_links_that_become_folders_are_refused(site, tmp_path):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    address = site.url.replace("http://", f"http://ada:{site.token(ada)}@") + "/ada/tiny"
    git(site, tmp_path, "clone", address, "clone")
    clone = tmp_path / "clone"
    (clone / "A").symlink_to("folder")
    (clone / "a").mkdir()
    (clone / "a/hook").write_text("x")
    git(site, clone, "add", ".")
    git(site, clone, "commit", "-m", "Sly")
    assert "case does not count" in git(site, clone, "push", "origin", "HEAD:main", fails=True)


def test_nothing_that_was_uploaded_runs_in_a_browser(site):
    ada = make.person("ada")
    files = {path: text.encode() for path, text in PAGES.items()} | {"README.md": CARD.encode()}
    make.repository(ada, "pages", files=files)
    make.bucket(ada, "store", files={path: text.encode() * 20 for path, text in PAGES.items()})
    addresses = [f"/ada/pages/{door}/main/{path}" for door in ("resolve", "raw", "blob") for path in PAGES]
    addresses += [f"/buckets/ada/store/resolve/{path}" for path in PAGES] + ["/ada/pages"]
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        shown = 0
        for address in addresses:
            try:
                page.goto(site.url + address, wait_until="load")
            except Exception as error:
                # What is no page is a download, or cannot be shown.
                assert "Download is starting" in str(error) or "ERR_ABORTED" in str(error)
                continue
            shown += 1
            if page.locator("#sly").count():
                page.locator("#sly").click(timeout=1000)
            page.wait_for_timeout(100)
            assert page.evaluate("window.name") != "ran", address
            assert page.evaluate("document.documentElement.getAttribute('data-ran')") is None, address
        assert shown > len(PAGES)
        assert not [url for url in asked if "/ran-" in url or "example.org" in url]
        context.close()
