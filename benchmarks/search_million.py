"""Lists and searches over a million repositories: each first page against the bare SQL of its rows.

    nice -n 10 .venv/bin/python -m benchmarks.search_million [--count 1000000] [--turns 15]

Starts a PostgreSQL of its own, fills it with made-up repositories, prints a table and
deletes everything again. No repository exists on disk: lists need none.
"""

import argparse
import io
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

# Few enough to be frequent: of a million names, seventy thousand hold any of them.
WORDS = """
    stable diffusion transformer vision audio speech whisper lattice mistral gemma falcon bloom cedar river meadow
    granite marble copper silver amber quartz heron otter lynx badger marten canyon delta harbor island compass
    lantern beacon ember glacier tundra prairie orchard willow juniper maple aspen spruce thistle clover chat
    instruct base large small tiny nano ultra turbo lite pro code math reason embed rerank guard caption segment
    depth pose upscale inpaint control lora adapter merge distill quant sketch anime photo portrait
    """.split()  # noqa: SIM905 - read as a paragraph
CHINESE = ["扩散模型", "图像生成", "语音识别", "机器翻译", "大语言模型", "文本分类", "知识问答", "视频理解", "代码生成"]
TASKS = ["text-generation", "text-to-image", "image-classification", "translation", "fill-mask"]
LIBRARIES = ["transformers", "diffusers", "peft", "sentence-transformers", "timm", "keras"]
LICENCES = ["apache-2.0", "mit", "openrail", "cc-by-4.0", "llama3", "gpl-3.0"]
OWNERS = 100_000
RARE = "zyzzyva"  # in twenty names
REPOSITORIES = (
    "id, namespace_id, name, kind, visibility, default_branch, created_at, updated_at, downloads, downloads_all_time, "
    "trending, likes, gated, has_discussions, copied_from_name, copied_commit, git_size, head, "
    "card, tags, license, pipeline_tag, library_name, config, eval_results, used_storage, "
    "weights, parameters, is_disabled"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wellspring-benchmark-") as folder:
        Path(folder).chmod(0o755)
        os.environ |= {"WELLSPRING_DATA": folder, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
        from config.embedded.ports import free_port  # noqa: PLC0415 - the environment comes first
        from config.embedded.postgres import EmbeddedPostgres  # noqa: PLC0415

        postgres = EmbeddedPostgres(Path(folder) / "postgres", free_port(), durable=False)
        postgres.start()
        try:
            os.environ["DATABASE_URL"] = postgres.url
            run(options.count, options.turns)
        finally:
            postgres.destroy()


def run(count: int, turns: int) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    member = fill(count)
    print(f"filled with {count:,} repositories in {time.monotonic() - began:.0f} s\n")
    measure(member, turns)


def fill(count: int):
    """Repositories, documents and counted tags by COPY; returns a member with private repositories."""
    from django.db import connection  # noqa: PLC0415

    from accounts.models import User  # noqa: PLC0415
    from hub.services import search  # noqa: PLC0415

    random.seed(1)
    owners = people()
    member = User.objects.get(username="owner-1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN %s AND indexname NOT LIKE %s",
                       [("hub_repository", "hub_searchdocument"), "%pkey"])  # fmt: skip
        indexes = [row for row in cursor.fetchall() if "UNIQUE" not in row[1]]
        for name, _definition in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("CREATE TEMP TABLE texts (id bigint, full_name text, tags text, title text, pairs text, "
                       "fragments int[], popularity int)")  # fmt: skip
        with tempfile.TemporaryFile("w+") as facts, tempfile.TemporaryFile("w+") as texts:
            for row, text in made_up(count, owners):
                facts.write("\t".join(map(str, row)) + "\n")
                texts.write("\t".join(map(str, text)) + "\n")
            facts.seek(0)
            texts.seek(0)
            cursor.cursor.copy_expert(f"COPY hub_repository ({REPOSITORIES}) FROM STDIN", facts)
            cursor.cursor.copy_expert("COPY texts FROM STDIN", texts)
        cursor.execute(
            """INSERT INTO hub_searchdocument (repository_id, kind, full_name, words, fragments, popularity)
            SELECT id, 'model', full_name, setweight(to_tsvector('simple', name), 'A')
                || setweight(to_tsvector('english', name), 'A') || setweight(to_tsvector('english', tags), 'B')
                || setweight(to_tsvector('english', title), 'C') || pairs::tsvector, fragments, popularity
            FROM texts, LATERAL (SELECT regexp_replace(full_name, '[-/]', ' ', 'g') AS name) AS named"""
        )
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for _name, definition in indexes:
            cursor.execute(definition)
        search.count_tags()
        cursor.execute("VACUUM ANALYZE")
    return member


def people() -> list[str]:
    """OWNERS people, the first of them by the front door; returns their names."""
    from django.db import connection  # noqa: PLC0415

    from accounts.services.people import sign_up  # noqa: PLC0415

    names = [f"owner-{number}" for number in range(1, OWNERS + 1)]
    sign_up(names[0], password=None)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO accounts_user
                (username, password, email, full_name, orcid, is_superuser, is_staff, is_active, date_joined)
            SELECT 'owner-' || n, '', '', '', '', false, false, true, now() FROM generate_series(2, %s) AS n""",
            [OWNERS],
        )
        cursor.execute(
            """INSERT INTO accounts_namespace (name, kind, user_id, created_at)
            SELECT username, 'user', id, now() FROM accounts_user
            WHERE id NOT IN (SELECT user_id FROM accounts_namespace)"""
        )
        cursor.execute("SELECT name, id FROM accounts_namespace")
        ids = dict(cursor.fetchall())
    return [(name, ids[name]) for name in names]


def made_up(count: int, owners):
    """Row by row, always the same: (row of hub_repository, row of texts)."""
    from hub.algorithms import words  # noqa: PLC0415

    source = random.Random(7)
    for number in range(1, count + 1):
        # A tenth of the people own half of everything; the member owns a thousand, half of them private.
        owner, owner_id = owners[0] if number % 1000 == 0 else owners[int(source.random() ** 3 * OWNERS)]
        parts = source.choices(WORDS, k=source.randint(2, 4))
        if number % (count // 20 or 1) == 7:
            parts.insert(0, RARE)
        name = "-".join([*parts, str(number)])
        private = number % 2000 == 0 or source.random() < 0.05
        task, library = source.choice(TASKS), source.choices(LIBRARIES, weights=[60, 15, 12, 6, 5, 2])[0]
        licence = source.choice(LICENCES)
        tags = [library, task, source.choice(["en", "en", "en", "zh", "fr"]), f"license:{licence}", "safetensors"]
        tags += source.sample(WORDS, 3) + ([f"rare-{number % 5000}"] if number % 3 == 0 else [])
        downloads = int(source.paretovariate(0.6)) - 1 if source.random() < 0.6 else 0
        downloads = min(downloads, 10**8)
        chinese = source.sample(CHINESE, 2) if number % 5 == 0 else []
        title = " ".join(source.choices(WORDS, k=30))
        parameters = str(int(10 ** source.uniform(6, 11.2))) if number % 2 else r"\N"
        when = f"2026-{source.randint(1, 9):02}-{source.randint(1, 28):02} {number % 24:02}:{number % 60:02}:00+00"
        card = f'{{"license": "{licence}", "library_name": "{library}"}}'
        trending = downloads // 3 + source.randint(0, 50)
        facts = (
            number, owner_id, name, "model", "private" if private else "public", "main", when, when, downloads,
            downloads * 5, trending, trending // 9, "open", "t", "", "", 0, f"{number:040x}", card,
            "{" + ",".join(f'"{tag}"' for tag in tags) + "}", licence,
            task, library, "{}", "[]", number * 100, "{}", parameters, "f",
        )  # fmt: skip
        full_name = f"{owner}/{name}"
        fragments = "{" + ",".join(map(str, words.name_fragments(full_name))) + "}"
        pairs = words.indexed_pairs(tuple(chinese), "C")
        yield facts, (number, full_name, " ".join(tags), title, pairs, fragments, downloads.bit_length())


PAGES = {
    "newest, API": "/api/models?sort=createdAt",
    "recently changed, API": "/api/models",
    "most downloaded, API": "/api/models?sort=downloads",
    "trending, API": "/api/models?sort=trendingScore",
    "a common tag": "/api/models?filter=diffusers&sort=downloads",
    "a rare tag": "/api/models?filter=rare-42&sort=downloads",
    "two tags": "/api/models?filter=zh&filter=lora&sort=downloads",
    "an author": "/api/models?author=OWNER-77&sort=downloads",
    "a size": "/api/models?num_parameters=min:6B,max:7B&sort=trendingScore",
    "a common word": "/api/models?search=diffusion",
    "a rare word": f"/api/models?search={RARE}",
    "two words": "/api/models?search=quartz+lantern",
    "a word by downloads": "/api/models?search=granite&sort=downloads",
    "a part of a name": "/api/models?search=yzzyv",
    "a common part": "/api/models?search=iffusio",
    "owner/part": "/api/models?search=owner-77/quar",
    "Chinese": "/api/models?search=扩散模型",
    "Chinese and English": "/api/models?search=图像生成+lantern",
    "nothing fits": "/api/models?search=qqqqwwww",
    "misspelt, page": "/models?search=zyzyva",
    "quick search": "/api/quicksearch?q=lantern",
    "page of models": "/models",
    "page with two filters": "/models?task=translation&licence=mit",
    "page of a search": "/models?search=quartz",
    "tags by type": "/api/models-tags-by-type",
}


def measure(member, turns: int) -> None:
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    application, known = get_wsgi_application(), Client()
    known.force_login(member)
    visitor, insider = Reader(application), Reader(application, known.cookies.output(header="", sep=";").strip())
    columns = f"{'SQL ms':>10}{'view ms':>10}{'ratio':>10}"
    print(f"{'':26}{'anonymous':^30}{'member':^30}\n{'first page':26}{columns}{columns}{'queries':>9}")
    for name, address in PAGES.items():
        line = f"{name:26}"
        for client in (visitor, insider):
            queries = asked(connection, client, address)
            bare, view = [], []
            for _ in range(turns):
                bare.append(timed(replay, connection, queries))
                view.append(timed(client.get, address))
            sql, whole = statistics.median(bare), statistics.median(view)
            line += f"{sql:10.1f}{whole:10.1f}{whole / sql:10.2f}"
        print(f"{line}{len(queries):9}", flush=True)


class Reader:
    """Asks as a web server does: the test client would add its own work to each request."""

    def __init__(self, application, cookie: str = "") -> None:
        self._application = application
        self._facts = {"REQUEST_METHOD": "GET", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
                       "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": cookie,
                       "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
                       "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False}  # fmt: skip

    def get(self, address: str) -> tuple[str, bytes]:
        """The status and the whole body."""
        path, _mark, query = address.partition("?")
        facts = self._facts | {
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": quote(query, safe="=&:,/+%"),
            "wsgi.input": io.BytesIO(),
        }
        said: list[str] = []
        answer = self._application(facts, lambda status, _headers, _error=None: said.append(status))
        try:
            return said[0], b"".join(answer)
        finally:
            answer.close()


def asked(connection, client, address: str) -> list[tuple[str, object]]:
    """The queries of one request, as they are sent; also warms everything."""
    queries = []

    def note(execute, sql, values, many, context):
        queries.append((sql, values))
        return execute(sql, values, many, context)

    for _ in range(2):
        queries.clear()
        with connection.execute_wrapper(note):
            status, body = client.get(address)
        assert status.startswith("200"), (address, status, body[:300])
    return list(queries)


def replay(connection, queries) -> None:
    """The same rows by the driver alone, read to the end."""
    connection.ensure_connection()
    with connection.connection.cursor() as cursor:
        for sql, values in queries:
            cursor.execute(sql, values)
            if cursor.description:
                cursor.fetchall()


def timed(function, *arguments) -> float:
    began = time.perf_counter()
    function(*arguments)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
