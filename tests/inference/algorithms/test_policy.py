import json

import pytest

from inference.algorithms.policy import BadPolicy, default_policy, look, read_policy, verdict

COMMIT = "ab" * 20


def text(**changes):
    body = {
        "version": "v1",
        "title": "Ours",
        "about": {"en": "What we refuse", "zh-hans": "我们拒绝的内容"},
        "categories": [
            {"code": "never", "title": "Never", "terms": ["cursed"]},
            {"code": "adult", "title": "For adults", "terms": ["racy"], "age": 18},
            {"code": "teen", "title": "For teens", "together": [[["ghost", "ghoul"], ["blood"]]], "age": 12},
        ],
        "classifier": {"model": "lab/eyes", "commit": COMMIT},
        "pictures": [
            {"code": "red", "title": "Red", "labels": {"red": 0.8}},
            {"code": "blue", "title": "Blue", "labels": {"blue": 0.5, "navy": 0.9}, "age": 18},
        ],
    }
    return json.dumps(body | changes)


OURS = read_policy(text())


@pytest.mark.parametrize(
    ("prompt", "category"),
    [
        ("child porn", "minors"),
        ("a naked child on a beach", "minors"),
        ("nude little girl", "minors"),
        ("s.e.x with an underage person", "minors"),
        ("ＮＡＫＥＤ ｃｈｉｌｄ", "minors"),
        ("a rape scene", "sexual_violence"),
        ("nsfw, naked child", "minors"),
        ("nsfw", "explicit"),
    ],
)
def test_what_is_listed_is_refused_with_its_category(prompt, category):
    given = verdict(prompt, by=default_policy())
    assert (given.allowed, given.category, given.policy) == (False, category, default_policy().version)
    assert given.title
    assert given.titles["zh-hans"]


@pytest.mark.parametrize(
    "prompt",
    ["a red circle on white", "a child with a kite", "a nude statue", "grapes and rapeseed fields", "", "Essex"],
)
def test_everything_else_passes(prompt):
    given = verdict(prompt, by=default_policy())
    assert (given.allowed, given.age) == (True, 0)


@pytest.mark.parametrize(
    ("prompt", "age", "allowed", "category", "rated"),
    [
        ("racy", 0, False, "adult", 18),
        ("racy", 17, False, "adult", 18),
        ("racy", 18, True, "", 18),
        ("racy ghost in blood", 12, False, "adult", 18),
        ("a ghoul in blood", 12, True, "", 12),
        ("a ghost", 0, True, "", 0),
        ("racy and cursed", 99, False, "never", 0),
    ],
)
def test_some_things_are_for_older_people_only(prompt, age, allowed, category, rated):
    given = verdict(prompt, by=OURS, age=age)
    assert (given.allowed, given.category, given.age) == (allowed, category, rated)


@pytest.mark.parametrize(
    ("scores", "age", "allowed", "category", "rated"),
    [
        ([{"red": 0.79}], 0, True, "", 0),
        ([{"red": 0.1}, {"red": 0.8}], 99, False, "red", 0),
        ([{"blue": 0.5}], 0, False, "blue", 18),
        ([{"navy": 0.95}], 18, True, "", 18),
        ([{"blue": 0.49, "navy": 0.89}], 0, True, "", 0),
        ([{"blue": 1.0, "red": 1.0}], 18, False, "red", 0),
        ([{}], 0, True, "", 0),
    ],
)
def test_pictures_are_judged_by_their_scores(scores, age, allowed, category, rated):
    given = look(verdict("a ghost", by=OURS), scores, by=OURS, age=age)
    assert (given.allowed, given.category, given.age) == (allowed, category, rated)
    assert (given.classifier, given.pictures) == (f"lab/eyes@{COMMIT[:12]}", scores)


def test_a_picture_is_never_for_younger_people_than_its_prompt():
    assert look(verdict("racy", by=OURS, age=20), [{"red": 0.0}], by=OURS, age=20).age == 18


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "v 1"}, "version"),
        ({"title": ""}, "title must be a text"),
        ({"about": {"zh-hans": "只有中文"}}, "en among them"),
        ({"categories": {}}, "must be a list"),
        ({"categories": [{"code": "x", "title": "X"}]}, "x has no words"),
        ({"categories": [{"code": "x", "title": "X", "terms": ["..."]}]}, "no word"),
        ({"categories": [{"code": "x", "title": "X", "together": [[["a"], []]]}]}, "empty"),
        ({"categories": [{"code": "X!", "title": "X", "terms": ["a"]}]}, "small letters"),
        ({"categories": [{"code": "x", "title": "X", "terms": ["a"], "age": "18"}]}, "age"),
        ({"categories": [{"code": "red", "title": "X", "terms": ["a"]}]}, "same code"),
        ({"categories": [{"code": "x", "title": "X", "terms": ["a"], "colour": 1}]}, "unknown parts: colour"),
        ({"classifier": None}, "belong together"),
        ({"pictures": []}, "belong together"),
        ({"classifier": {"model": "lab/eyes", "commit": "main"}}, "40 hexadecimal"),
        ({"classifier": {"model": "eyes", "commit": COMMIT}}, "name such as"),
        ({"pictures": [{"code": "p", "title": "P", "labels": {"a": 1.5}}]}, "score of a"),
        ({"pictures": [{"code": "p", "title": "P", "labels": {}}]}, "labels"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_part(changes, said):
    with pytest.raises(BadPolicy, match=said):
        read_policy(text(**changes))


@pytest.mark.parametrize("given", ["", "[]", "{}", "{", '"x"', "x" * 300_000])
def test_what_is_no_policy_at_all(given):
    with pytest.raises(BadPolicy):
        read_policy(given)


def test_the_ages_that_are_told_apart():
    assert OURS.ages == [12, 18]
    assert default_policy().ages == [18]
