"""Likes, follows and collections by the stock client."""

import pytest

from accounts.enums import Role
from accounts.services import organisations
from hub.services import social
from tests.factories import hub as make
from tests.factories.accounts import join
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e


def test_likes_followers_and_overviews(site, tmp_path):
    ada, bob = make.person("ada", full_name="Ada L."), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    join(lab, bob, role=Role.READ, by=make.as_principal(ada))
    for kind in ("model", "dataset", "space", "kernel"):
        social.like(make.repository(ada, "tiny", kind=kind), by=make.as_principal(bob))
    secret = make.repository(ada, "secret", visibility="private")
    social.like(secret, by=make.as_principal(ada))
    social.follow(ada.namespace, by=make.as_principal(bob))
    social.follow(lab.namespace, by=make.as_principal(bob))

    answer = run(
        site,
        tmp_path,
        site.token(bob),
        """
        owner = hf.HfApi(token=os.environ["OWNER"])
        liked = api.list_liked_repos()
        answer["liked"] = [liked.user, liked.total, liked.models, liked.datasets, liked.spaces, liked.kernels]
        answer["hidden"] = [api.list_liked_repos("ada").total, owner.list_liked_repos("ada").total]
        answer["likers"] = [[one.username, one.fullname] for one in api.list_repo_likers("ada/tiny")]
        answer["likes"] = [api.model_info("ada/tiny").likes, api.dataset_info("ada/tiny").likes]
        api.create_repo("bob/other")
        answer["sorted"] = [one.id for one in api.list_models(sort="likes")]
        api.unlike("ada/tiny")
        api.unlike("ada/tiny")
        answer["unliked"] = [api.model_info("ada/tiny").likes, api.list_liked_repos().total]
        answer["missing"] = [raised(api.unlike, "nowhere"), raised(api.unlike, "ada/secret")]
        answer["followers"] = [one.username for one in api.list_user_followers("ada")]
        answer["following"] = [[one.username, one.user_type] for one in api.list_user_following("bob")]
        answer["fans"] = [one.username for one in api.list_organization_followers("lab")]
        answer["members"] = [one.username for one in api.list_organization_members("lab")]
        one = api.get_user_overview("ada")
        answer["ada"] = [one.fullname, one.num_models, one.num_followers, one.is_following, one.num_likes]
        one = api.get_user_overview("bob")
        answer["bob"] = [one.num_following, one.num_likes, one.is_following, [org.name for org in one.orgs]]
        one = api.get_organization_overview("lab")
        answer["lab"] = [one.num_users, one.num_followers, one.is_following]
        """,
        OWNER=site.token(ada),
    )

    assert answer == {
        "liked": ["bob", 4, ["ada/tiny"], ["ada/tiny"], ["ada/tiny"], ["ada/tiny"]],
        "hidden": [0, 1],
        "likers": [["bob", "bob"]],
        "likes": [1, 1],
        "sorted": ["ada/tiny", "bob/other"],
        "unliked": [0, 3],
        "missing": ["RepositoryNotFoundError", "RepositoryNotFoundError"],
        "followers": ["bob"],
        "following": [["lab", "org"], ["ada", "user"]],
        "fans": ["bob"],
        "members": ["ada", "bob"],
        "ada": ["Ada L.", 1, 1, True, 0],
        "bob": [2, 3, False, ["lab"]],
        "lab": [2, 1, True],
    }


def test_collections(site, tmp_path):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    make.repository(ada, "shapes", kind="dataset")
    make.repository(ada, "secret", visibility="private")
    make.bucket(ada, "heap")

    answer = run(
        site,
        tmp_path,
        site.token(ada),
        """
        stranger = hf.HfApi(token=os.environ["OTHER"])
        def shown(found):
            return [[item.item_type, item.item_id, item.note] for item in found.items]
        made = api.create_collection("My COOL stuff", description="A lot")
        start, key = made.slug.rsplit("-", 1)
        answer["made"] = [start, len(key), made.title, made.description, made.theme, made.private, made.items]
        answer["url"] = made.url == f"{os.environ['HF_ENDPOINT']}/collections/{made.slug}"
        answer["twice"] = raised(api.create_collection, "my cool stuff")
        answer["same"] = api.create_collection("My COOL stuff", exists_ok=True).slug == made.slug
        api.add_collection_item(made.slug, "ada/tiny", "model", note="The first")
        api.add_collection_item(made.slug, "ada/shapes", "dataset")
        api.add_collection_item(made.slug, "ada/secret", "model")
        api.add_collection_item(made.slug, "ada/heap", "bucket")
        other = api.create_collection("Other", private=True)
        full = api.add_collection_item(made.slug, other.slug, "collection")
        answer["items"] = shown(full)[:4]
        answer["nested"] = full.items[4].item_id == other.slug
        answer["positions"] = [item.position for item in full.items]
        answer["stranger"] = shown(stranger.get_collection(made.slug))
        answer["errors"] = [
            raised(api.add_collection_item, made.slug, "ada/tiny", "model"),
            raised(api.add_collection_item, made.slug, "ada/tiny", "space"),
            raised(api.add_collection_item, made.slug, "1706.03762", "paper"),
            raised(stranger.add_collection_item, made.slug, "ada/tiny", "model"),
            raised(stranger.get_collection, other.slug),
            raised(stranger.delete_collection, made.slug),
            raised(stranger.update_collection_metadata, made.slug, title="Mine"),
            raised(api.update_collection_resource_group, made.slug, "66980ecfc1e12a49c8f0e42d"),
        ]
        answer["again"] = len(api.add_collection_item(made.slug, "ada/tiny", "model", exists_ok=True).items)
        api.update_collection_item(made.slug, full.items[0].item_object_id, note="The second", position=1)
        answer["swapped"] = shown(api.get_collection(made.slug))[:2]
        new = api.update_collection_metadata(made.slug, title="New", description="d", theme="pink", position=1)
        answer["new"] = [new.title, new.description, new.theme, new.position, new.slug == f"ada/new-{key}"]
        answer["old"] = api.get_collection(made.slug).slug == new.slug
        answer["listed"] = [one.title for one in api.list_collections(owner="ada", sort="lastModified")]
        answer["public"] = [one.title for one in stranger.list_collections(owner=["ada", "bob"])]
        answer["holding"] = [
            [one.title for one in api.list_collections(item=item)]
            for item in ("models/ada/tiny", "datasets/ada/shapes", "buckets/ada/heap", "models/ada/none")
        ]
        for number in range(5):
            api.create_collection(f"Number {number}")
        answer["limit"] = len(list(api.list_collections(owner="ada", limit=3)))
        answer["pages"] = len(list(api.list_collections(owner="ada")))
        for item in full.items[1:]:
            api.delete_collection_item(made.slug, item.item_object_id)
        api.delete_collection_item(made.slug, full.items[1].item_object_id, missing_ok=True)
        answer["left"] = shown(api.get_collection(made.slug))
        api.delete_collection(made.slug)
        answer["gone"] = raised(api.delete_collection, made.slug)
        api.delete_collection(made.slug, missing_ok=True)
        """,
        OTHER=site.token(make.person("bob")),
    )

    first = ["model", "ada/tiny", "The first"]
    assert answer == {
        "made": ["ada/my-cool-stuff", 24, "My COOL stuff", "A lot", "orange", False, []],
        "url": True,
        "twice": "HfHubHTTPError",
        "same": True,
        "items": [first, ["dataset", "ada/shapes", None], ["model", "ada/secret", None], ["bucket", "ada/heap", None]],
        "nested": True,
        "positions": [0, 1, 2, 3, 4],
        "stranger": [first, ["dataset", "ada/shapes", None], ["bucket", "ada/heap", None]],
        "errors": [
            "HfHubHTTPError",
            "RepositoryNotFoundError",
            "BadRequestError",
            "HfHubHTTPError",
            "HfHubHTTPError",
            "HfHubHTTPError",
            "HfHubHTTPError",
            "BadRequestError",
        ],
        "again": 5,
        "swapped": [["dataset", "ada/shapes", None], ["model", "ada/tiny", "The second"]],
        "new": ["New", "d", "pink", 1, True],
        "old": True,
        "listed": ["New", "Other"],
        "public": ["New"],
        "holding": [["New"], ["New"], ["New"], []],
        "limit": 3,
        "pages": 7,
        "left": [["model", "ada/tiny", "The second"]],
        "gone": "HfHubHTTPError",
    }
