"""The stock client under limits, and a crawler that knows none, against the live site."""

import concurrent.futures
import time

import pytest
import requests

from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run
from tests.support.site_server import Site, database_url, start, stop

pytestmark = pytest.mark.e2e


@pytest.fixture
def limited(transactional_db, tmp_path):
    """A site with its own settings, chosen by the test."""
    processes = []

    def begin(**more: str) -> Site:
        log = tmp_path / "gunicorn.log"
        process, url = start(database_url(), log, threads=16, **more)
        processes.append(process)
        return Site(url, log)

    yield begin
    for process in processes:
        stop(process)


def test_the_stock_client_waits_and_succeeds(limited, tmp_path):
    site = limited(WELLSPRING_RATE_API="2/2", WELLSPRING_RATE_WINDOW="3")
    ada = make.person("ada")
    for number in range(5):
        make.repository(ada, f"r{number}")

    answer = run(
        site,
        tmp_path,
        site.token(ada),
        """
        import logging
        lines = []
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())
        logging.getLogger("huggingface_hub").addHandler(handler)
        from huggingface_hub.utils import get_session, http_backoff
        url = os.environ["HF_ENDPOINT"] + "/api/models?limit=1"
        codes = [http_backoff("GET", url).status_code for _ in range(6)]
        answer["codes"] = codes
        answer["waited"] = sum("Rate limited" in line for line in lines)
        """,
    )

    assert answer["codes"] == [200] * 6
    assert answer["waited"] >= 1


def test_a_crawler_that_ignores_everything_degrades_nobody_else(limited, tmp_path):
    site = limited(
        WELLSPRING_ANONYMOUS_AT_ONCE="4", WELLSPRING_HEAVY_AT_ONCE="2", WELLSPRING_RATE_API="150/5000",
        WELLSPRING_RATE_RESOLVERS="150/5000", WELLSPRING_RATE_HEAVY="50/500", WELLSPRING_RATE_WINDOW="100000",
    )  # fmt: skip
    ada = make.person("ada")
    make.repository(ada, "tiny", files={f"{number}.txt": b"x" * 1000 for number in range(20)})
    token = site.token(ada)
    paths = ["/api/models", "/ada/tiny/resolve/main/1.txt", "/ada/tiny/commits/main", "/models?q=tiny", "/ada/tiny"]
    finished = []

    def crawl(number: int) -> list[int]:
        codes = []
        with requests.Session() as session:
            while not finished or len(codes) < 20:
                time.sleep(0.05)
                codes.append(session.get(f"{site.url}{paths[(number + len(codes)) % 5]}", timeout=60).status_code)
        return codes

    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        crawlers = [pool.submit(crawl, number) for number in range(30)]
        try:
            answer = run(
                site,
                tmp_path,
                token,
                """
                api.create_repo("ada/mine")
                (here / "m").mkdir()
                for number in range(10):
                    (here / f"m/{number}.bin").write_bytes(os.urandom(200_000))
                api.upload_folder(folder_path=here / "m", repo_id="ada/mine")
                back = Path(hf.snapshot_download("ada/mine", local_dir=here / "back"))
                answer["same"] = [digest(back / f"{n}.bin") == digest(here / f"m/{n}.bin") for n in range(10)]
                from huggingface_hub.utils import get_session
                url = os.environ["HF_ENDPOINT"]
                mine = {"Authorization": "Bearer " + os.environ["HF_TOKEN"]}
                seen = [get_session().get(url + path, headers=mine).status_code
                        for path in ("/api/models", "/ada/tiny/resolve/main/2.txt", "/ada/tiny") for _ in range(10)]
                answer["seen"] = seen
                """,
            )
        finally:
            finished.append(True)
        codes = [code for crawler in crawlers for code in crawler.result()]

    assert answer["same"] == [True] * 10
    assert answer["seen"] == [200] * 30
    assert codes.count(429) > len(codes) / 4
    assert set(codes) <= {200, 429}
