"""Writing what search looks at: one document for a repository, and the tags in use."""

import re

from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import connection
from django.db.models import Func, Value
from django.db.models.functions import Cast

from hub.algorithms import cards, words
from hub.algorithms.tags import LANGUAGES, group_of
from hub.enums import Visibility
from hub.git import reading
from hub.git.errors import GitError
from hub.git.repositories import open_repository
from hub.models import Repository, SearchDocument, UsedTag

_CARD = 256 * 1024  # bytes of a card that are read
_BODY = 2000  # characters of its text that are searched
_TAGS = 100
_LANGUAGES = sorted(LANGUAGES)
_TITLE = re.compile(r"^#[ \t]+(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\([^)\n]*\)|<[^>\n]*>|https?://\S+")


def write_document(repository: Repository) -> None:
    """Write a repository's document anew, out of its facts and its card; in the caller's transaction."""
    title, body = _card_text(repository)
    document = SearchDocument(
        repository=repository,
        kind=repository.kind,
        full_name=words.plain(repository.full_name),
        words=_vector(repository, title, body),
        fragments=words.name_fragments(repository.full_name),
        popularity=repository.downloads.bit_length(),
    )
    SearchDocument.objects.bulk_create(
        [document],
        update_conflicts=True,
        unique_fields=["repository"],
        update_fields=["kind", "full_name", "words", "fragments"],
    )
    keep_tags(repository)


def keep_tags(repository: Repository) -> None:
    """The tags of a public repository are offered as filters from now on."""
    if repository.is_private or repository.is_disabled:
        return
    rows = [
        UsedTag(
            kind=repository.kind,
            tag=tag,
            group=group_of(tag, library=repository.library_name, task=repository.pipeline_tag),
        )
        for tag in sorted(repository.tags)[:_TAGS]
    ]
    UsedTag.objects.bulk_create(rows, ignore_conflicts=True)


def drop_tags(kind: str, tags: list[str]) -> None:
    """Offer those of the tags no longer that no public repository carries."""
    for tag in tags[:_TAGS]:
        public = Repository.objects.filter(kind=kind, visibility=Visibility.PUBLIC, is_disabled=False)
        if not public.filter(tags__contains=[tag]).exists():
            UsedTag.objects.filter(kind=kind, tag=tag).delete()


def count_tags() -> None:
    """Count all tags of public repositories: the numbers behind the lists, and what no longer occurs goes."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_TAGS, {"languages": _LANGUAGES})


# The first letter of a group says which name wins where repositories differ; it is cut off again.
_COUNT_TAGS = """
    WITH used AS (
        SELECT kind, tag, count(*) AS repositories, substr(min(
            CASE WHEN tag = library_name THEN '1library'
                 WHEN tag = pipeline_tag THEN '2pipeline_tag'
                 WHEN position(':' in tag) > 1 THEN '3' || left(split_part(tag, ':', 1), 100)
                 WHEN tag = ANY(%(languages)s) THEN '4language'
                 ELSE '5other' END), 2) AS "group"
        FROM hub_repository CROSS JOIN LATERAL unnest(tags) AS tag
        WHERE visibility = 'public' AND NOT is_disabled
        GROUP BY kind, tag
    ), gone AS (
        DELETE FROM hub_usedtag WHERE NOT EXISTS
            (SELECT FROM used WHERE used.kind = hub_usedtag.kind AND used.tag = hub_usedtag.tag)
    )
    INSERT INTO hub_usedtag (kind, tag, "group", repositories)
    SELECT kind, tag, "group", repositories FROM used
    ON CONFLICT (kind, tag) DO UPDATE SET repositories = excluded.repositories, "group" = excluded."group"
    WHERE (hub_usedtag.repositories, hub_usedtag."group") IS DISTINCT FROM (excluded.repositories, excluded."group")
"""


def _card_text(repository: Repository) -> tuple[str, str]:
    """Title and beginning of the text of the card, without markup that nobody searches for."""
    text = ""
    if repository.head:
        try:
            data = reading.read_file(open_repository(repository.path), repository.head, "README.md", limit=_CARD)
            text = cards.split(data.decode("utf-8", "replace"))[1]
        except GitError:
            text = ""
    found = _TITLE.search(text)
    names = [found.group(1) if found else ""]
    names += [value for key in ("pretty_name", "title") if isinstance(value := repository.card.get(key), str)]
    return " ".join(names)[:500], _LINK.sub(" ", text[: 2 * _BODY])[:_BODY]


def _vector(repository: Repository, title: str, body: str) -> Func:
    """Names count most (A), then tags (B), the title of the card (C), its text (D)."""
    name = words.split(repository.full_name)
    labels = words.split(" ".join(repository.tags[:_TAGS]))
    heading, text = words.split(title), words.split(body)
    weighted = ((name, "A"), (labels, "B"), (heading, "C"), (text, "D"))
    parts: list[Func] = [SearchVector(Value(" ".join(name.spaced)), config="simple", weight="A")]
    parts += [SearchVector(Value(" ".join(one.spaced)), config="english", weight=weight) for one, weight in weighted]
    parts += [
        Cast(Value(words.indexed_pairs(one.runs, weight)), SearchVectorField()) for one, weight in weighted if one.runs
    ]
    return Func(*parts, template="(%(expressions)s)", arg_joiner=" || ", output_field=SearchVectorField())
