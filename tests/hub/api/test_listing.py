"""Lists, searches and what clients ask about them."""

import json
from datetime import UTC, datetime

import pytest

from accounts.enums import Role, TokenScope
from accounts.services import organisations, tokens
from common.compiled import Step
from common.services import outbox
from hub.api.representations import _PROPERTIES, EXPANDABLE, SAME_FOR_ALL, info
from hub.api.written import entries
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import paging
from hub.services import repositories, weights
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, join
from tests.hub.weights import safetensors

pytestmark = pytest.mark.django_db


def bearer(user, scope=TokenScope.READ):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"}


def card(**facts):
    return {"README.md": ("---\n" + "".join(f"{key}: {value}\n" for key, value in facts.items()) + "---\n").encode()}


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def ids(client):
    def ask(query, kind="models", **headers):
        answer = client.get(f"/api/{kind}?{query}", headers=headers)
        assert answer.status_code == 200, answer.content
        return [one["id"].partition("/")[2] for one in answer.json()]

    return ask


def test_filters_are_all_applied(ada, ids):
    make.repository(ada, "a", files=card(tags="[red, blue]", license="mit", language="[en, zh]", datasets="x/y"))
    make.repository(ada, "b", files=card(tags="[red]", pipeline_tag="text-to-image", library_name="diffusers"))
    make.repository(make.person("bob"), "c", files=card(tags="[red]", base_model="ada/a"))

    assert set(ids("filter=red")) == {"a", "b", "c"}
    assert ids("filter=red&filter=blue") == ids("filter=red,blue") == ["a"]
    assert ids("filter=dataset:x/y") == ids("dataset=x/y") == ["a"]
    assert ids("language=zh") == ids("filter=zh") == ["a"]
    assert ids("license=mit") == ids("filter=license:mit") == ["a"]
    assert ids("pipeline_tag=text-to-image") == ids("library=diffusers") == ["b"]
    assert ids("filter=base_model:ada/a") == ids("author=BOB") == ["c"]
    assert ids("author=nobody") == ids("filter=red&author=bob&language=zh") == []


def test_data_sets_are_filtered_by_their_own_tags(ada, ids):
    facts = card(language="zh", task_categories="[translation]", size_categories="[1K<n<10K]")
    make.repository(ada, "a", kind="dataset", files=facts)
    make.repository(ada, "b", kind="dataset")

    for query in ("language=zh", "filter=language:zh", "task_categories=translation", "size_categories=1K<n<10K"):
        assert ids(query, "datasets") == ["a"], query
    assert ids("task_categories=translation&language=en", "datasets") == []


def test_spaces_are_found_by_what_they_name(ada, ids):
    make.repository(ada, "a", kind="space", files=card(sdk="gradio", models="[x/m]", datasets="[x/d]"))
    make.repository(ada, "b", kind="space")

    assert ids("models=x/m", "spaces") == ids("datasets=x/d", "spaces") == ids("linked=true", "spaces") == ["a"]
    assert ids("models=x/m&datasets=x/other", "spaces") == []


def test_models_are_filtered_by_their_parameters(ada, ids):
    for name, count in (("small", 3), ("large", 3000)):
        made = make.repository(ada, name, files={"model.safetensors": safetensors(a=("F32", [count]))})
        weights.record(Repository.objects.get(pk=made.pk))
    make.repository(ada, "unknown")

    assert ids("num_parameters=max:1K") == ["small"]
    assert ids("num_parameters=min:0.5K,max:3k") == ids("num_parameters=min:3000") == ["large"]
    assert set(ids("num_parameters=min:1")) == {"small", "large"}
    assert ids("num_parameters=min:6B") == []


def test_several_texts_must_all_be_found(ada, ids):
    make.repository(ada, "red-lattice")
    make.repository(ada, "blue-lattice")

    assert ids("search=lattice&search=red") == ["red-lattice"]
    assert ids("search=lattice&search=green") == []


@pytest.mark.parametrize(
    ("query", "advice"),
    [
        ("sort=beauty", "sort must be one of"),
        ("sort=downloads&direction=1", "direction can only be -1"),
        ("limit=0", "limit must be a number"),
        ("limit=-5", "limit must be a number"),
        ("limit=many", "limit must be a number"),
        ("gated=perhaps", "gated must be one of"),
        ("inference=cold", "inference must be one of"),
        ("num_parameters=6B", "min:6B"),
        ("num_parameters=min:6B,min:7B", "min:6B"),
        ("num_parameters=min:x", "min:6B"),
        ("expand=colour", "must be one of"),
        ("cursor=x", "cursor is not valid"),
        ("search=a&search=b&search=c&search=d&search=e&search=f", "At most 5"),
    ],
)
def test_values_that_mean_nothing_are_refused_with_advice(client, query, advice):
    answer = client.get(f"/api/models?{query}")
    assert answer.status_code == 400
    assert advice in answer.json()["error"]


@pytest.mark.parametrize("query", ["inference=warm", "inference_provider=all", "apps=ollama"])
def test_what_nothing_here_is_finds_nothing(ada, ids, query):
    make.repository(ada, "a")
    assert ids(query) == []
    assert ids("gated=false") == ["a"]


@pytest.mark.parametrize("sort", ["lastModified", "createdAt", "downloads", "trendingScore"])
def test_every_order_pages_to_the_end(client, ada, sort):
    for number in range(5):
        made = make.repository(ada, f"m{number}")
        Repository.objects.filter(pk=made.pk).update(downloads=number // 2, trending=number % 2)
    whole = [one["id"] for one in client.get(f"/api/models?sort={sort}").json()]
    seen, address = [], f"/api/models?sort={sort}&limit=2"
    while address:
        answer = client.get(address)
        seen += [one["id"] for one in answer.json()]
        address = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")

    assert seen == whole
    assert len(seen) == 5


def test_searches_page_by_link_and_obey_an_order(client, ada, ids):
    for number in range(5):
        made = make.repository(ada, f"lattice-{number}")
        Repository.objects.filter(pk=made.pk).update(downloads=number)
    seen, address = [], "/api/models?search=lattice&limit=2"
    while address:
        answer = client.get(address)
        seen += [one["id"] for one in answer.json()]
        address = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")

    assert len(set(seen)) == 5
    assert ids("search=lattice&sort=downloads&limit=2") == ["lattice-4", "lattice-3"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("query", "queries"),
    [
        ("", 1),
        ("full=true", 2),
        ("search=lattice", 2),
        ("expand=childrenModelCount&expand=safetensors&expand=baseModels", 2),
        ("author=ada&filter=x", 2),
    ],
)
def test_a_list_costs_the_same_for_any_length(client, ada, django_assert_num_queries, count, query, queries):
    for number in range(count):
        make.repository(ada, f"lattice-{number}", files=card(tags="[x]"))
    with django_assert_num_queries(queries):
        assert len(client.get(f"/api/models?{query}").json()) == count


@pytest.mark.parametrize("kind", EXPANDABLE)
def test_every_property_can_be_asked_for(client, ada, kind, django_assert_max_num_queries):
    make.repository(ada, "a", kind=kind)
    for name in EXPANDABLE[kind]:
        with django_assert_max_num_queries(2):
            (one,) = client.get(f"/api/{kind}s?expand={name}").json()
        assert set(one) - {"modelId"} == {"_id", "id", name}, name
        assert client.get(f"/api/{kind}s/ada/a?expand={name}").status_code == 200
    assert not set(_PROPERTIES) & set(SAME_FOR_ALL)


def test_children_are_counted_as_far_as_one_sees_them(client, ada):
    make.repository(ada, "base")
    for number, visibility in enumerate(("public", "public", "private")):
        made = make.repository(ada, f"child{number}", visibility=visibility)
        make.put(
            made,
            card(base_model="ada/base") | {"wellspring.json": b'{"base_models": [{"id": "ada/base"}]}'},
            by=make.as_principal(ada),
        )
    outbox.relay()

    def count(**headers):
        return client.get("/api/models/ada/base?expand=childrenModelCount", headers=headers).json()[
            "childrenModelCount"
        ]

    listed = client.get("/api/models?search=base&expand=childrenModelCount&expand=baseModels").json()
    assert listed[0]["childrenModelCount"] == count() == 2
    assert count(**bearer(ada)) == 3
    assert client.get("/api/models/ada/child0?expand=baseModels").json()["baseModels"] == ["ada/base"]


def test_downloads_of_the_month_and_of_all_time(client, ada):
    made = make.repository(ada, "a")
    Repository.objects.filter(pk=made.pk).update(downloads=3, downloads_all_time=8, trending=450)
    expanded = client.get("/api/models/ada/a?expand=downloads&expand=downloadsAllTime&expand=trendingScore").json()
    assert (expanded["downloads"], expanded["downloadsAllTime"], expanded["trendingScore"]) == (3, 8, 4)


def test_private_repositories_show_nowhere(client, ada, ids):
    bob, staff = make.person("bob"), StaffFactory()
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    carol = make.person("carol")
    join(lab, carol, role=Role.READ, by=make.as_principal(ada))
    made = repositories.create_repository(
        lab.namespace, "hidden-lattice", kind="model", visibility="private", by=make.as_principal(ada)
    )
    make.put(made, card(tags="[hush]"), by=make.as_principal(ada))

    def everything(headers):
        lists = [ids(query, **headers) for query in ("", "search=lattice", "search=idden", "author=lab", "filter=hush")]
        quick = client.get("/api/quicksearch?q=hidden-latice", headers=headers).json()["models"]
        rising = client.get("/api/trending", headers=headers).json()["recentlyTrending"]
        return {bool(found) for found in (*lists, quick, rising)}

    assert everything({}) == everything(bearer(bob)) == {False}
    for who in (ada, carol):
        assert everything(bearer(who)) == {True}
    assert everything(bearer(staff, TokenScope.WRITE)) == {True}
    assert client.get("/api/models-tags-by-type", headers=bearer(ada)).json() == {}


def test_tags_by_type(client, ada):
    make.repository(ada, "a", files=card(tags="[red]", library_name="diffusers", license="mit"))

    answer = client.get("/api/models-tags-by-type").json()

    assert answer["library"] == [{"id": "diffusers", "label": "diffusers", "type": "library"}]
    assert answer["license"] == [{"id": "license:mit", "label": "mit", "type": "license"}]
    assert [one["id"] for one in answer["other"]] == ["red"]


def test_quick_search_finds_every_kind_and_forgives_slips(client, ada):
    make.repository(ada, "lattice")
    make.repository(ada, "lattice-data", kind="dataset")

    whole = client.get("/api/quicksearch?q=lattice").json()
    misspelt = client.get("/api/quicksearch?q=latice&type=dataset").json()

    assert [one["id"] for one in whole["models"]] == ["ada/lattice"]
    assert [one["id"] for one in whole["datasets"]] == ["ada/lattice-data"]
    assert whole["spaces"] == []
    assert ([one["id"] for one in misspelt["datasets"]], "models" in misspelt) == (["ada/lattice-data"], False)
    assert client.get("/api/quicksearch").json()["models"] == []


def test_what_trends_comes_first_over_all_kinds(client, ada):
    for name, kind, trending in (("a", "model", 100), ("b", "dataset", 300), ("c", "space", 200)):
        made = make.repository(ada, name, kind=kind)
        Repository.objects.filter(pk=made.pk).update(trending=trending)

    found = client.get("/api/trending").json()["recentlyTrending"]

    assert [(one["repoType"], one["repoData"]["id"]) for one in found] == [
        ("dataset", "ada/b"),
        ("space", "ada/c"),
        ("model", "ada/a"),
    ]
    assert len(client.get("/api/trending?type=model&limit=5").json()["recentlyTrending"]) == 1
    assert client.get("/api/trending?type=song").status_code == 400


def test_spaces_are_searched_by_words_and_none_of_them_runs(client, ada):
    make.repository(ada, "painter", kind="space", files=card(title="Paint me", sdk="gradio", emoji="🎨"))

    running = client.get("/api/spaces/semantic-search?q=paint").json()
    found = client.get("/api/spaces/semantic-search?q=paint&includeNonRunning=true&sdk=gradio").json()

    assert running == []
    assert [(one["id"], one["title"], one["semanticRelevancyScore"]) for one in found] == [
        ("ada/painter", "Paint me", None)
    ]
    assert client.get("/api/spaces/semantic-search?q=paint&includeNonRunning=1&sdk=docker").json() == []


def test_gated_repositories_are_told_apart_and_keep_their_headers(client, ada, ids):
    index = b'{"metadata": {}, "weight_map": {"a": "one.safetensors"}}'
    files = {"model.safetensors.index.json": index, "one.safetensors": safetensors(a=("F16", [2]))}
    for name, gated in (("a", "open"), ("b", "auto"), ("c", "manual")):
        made = make.repository(ada, name, files=files)
        repositories.update_settings(made, gated=gated, by=make.as_principal(ada))

    assert ids("gated=false") == ["a"]
    assert set(ids("gated=true")) == {"b", "c"}
    assert ids("gated=manual") == ["c"]
    assert client.get("/api/models/ada/b?expand=gated").json()["gated"] == "auto"
    address = "/api/models/ada/b/safetensors-metadata/model.safetensors.index.json"
    assert client.get(address).headers["X-Error-Code"] == "GatedRepo"
    assert client.get(address, headers=bearer(make.person("bob"))).status_code == 403
    assert client.get(address, headers=bearer(ada)).status_code == 200


def test_sharded_metadata_is_as_private_as_the_model(client, ada):
    index = b'{"metadata": {}, "weight_map": {"a": "one.safetensors"}}'
    files = {"model.safetensors.index.json": index, "one.safetensors": safetensors(a=("F16", [2]))}
    make.repository(ada, "m", visibility="private", files=files)
    address = "/api/models/ada/m/safetensors-metadata/model.safetensors.index.json"

    assert client.get(address, headers=bearer(ada)).json()["headers"]["one.safetensors"]["a"]["dtype"] == "F16"
    assert client.get(address).status_code == 401
    assert client.get(address, headers=bearer(make.person("bob"))).status_code == 404


CARDS = [
    {},
    {
        "license": "mit",
        "base_model": ["ada/a"],
        "sdk": "gradio",
        "models": ["x/y"],
        "datasets": None,
        "title": "é\"'{}%s",
    },
    {
        "description": "两行\n\\",
        "model-index": [{"name": "{0}", "results": []}],
        "paperswithcode_id": None,
        "sdk": None,
    },
    {"models": [], "numbers": [0.1, 1e-7, 12345678901234567890], "model-index": None, "description": ""},
]


@pytest.mark.parametrize("kind", RepositoryKind)
def test_entries_that_postgresql_writes_are_those_made_of_objects(ada, kind):
    for number, card in enumerate(CARDS):
        made = make.repository(ada, f"Some.{number}_x-y", kind=kind)
        when = datetime(2026, 1, 2 + number, 3, 4, 5, 678_999 * (number % 2), tzinfo=UTC)
        Repository.objects.filter(pk=made.pk).update(
            card=card, created_at=when, updated_at=when, likes=number, downloads=10**12 * number, trending=50 * number,
            tags=["a", 'q"uo\\te', "标签", "{}"][:number], pipeline_tag="text-to-image" if number else "",
            library_name="diffusers" if number > 1 else "", used_storage=2**33 + number, is_disabled=number == 3,
            visibility="private" if number == 2 else "public", gated=["open", "auto", "manual"][number % 3],
            config={"a": [{}]} if number else {}, head="" if number else "0" * 40, eval_results=[{"x": None}] * number,
            weights=[{}, {"safetensors": {"total": 5}}, {"safetensors": None}, {"gguf": {}}][number],
        )  # fmt: skip
    rows = list(Repository.objects.select_related("namespace").order_by("-id"))
    steps = [Step(lambda _rows: Repository.objects.select_related("namespace"))]
    names = sorted(EXPANDABLE[kind])

    written_alone = 0
    for expand, card, config in [
        ([], False, False), ([], True, False), ([], True, True), (names[:5], True, True), (names[5:9], False, False),
        *(([name], True, True) for name in names),
    ]:  # fmt: skip
        reading = entries(kind, expand, card=card, config=config)
        if reading is None:
            assert {"siblings", "childrenModelCount", "baseModels", "transformersInfo"} & set(expand or ["baseModels"])
            continue
        written_alone += len(expand) == 1
        texts = paging.by_column(steps, "created_at", reading, size=50).rows
        expected = [info(row, expand=expand, card=card, config=config) for row in rows]
        assert [json.loads(text) for text in texts] == json.loads(json.dumps(expected)), (expand, card, config)
    assert written_alone > len(names) // 2
