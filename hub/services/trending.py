"""Downloads of the last thirty days, and what is on the rise (docs/reference/search.md)."""

from datetime import date, timedelta

from django.db import connection, transaction
from django.utils import timezone

WINDOW_DAYS = 30
HALF_LIFE_DAYS = 7
# Hundredths of a point, so that small sites have an order too.
DOWNLOAD, DISCUSSION, LIKE = 100, 500, 500


@transaction.atomic
def refresh() -> int:
    """Recompute downloads, trend and popularity from the rows of each day; returns how many repositories changed.

    Harmless when repeated. A download that is counted meanwhile shows at the next turn.
    """
    now = timezone.now()
    values: dict[str, date | float] = {
        "today": now.date(),
        "first": now.date() - timedelta(days=WINDOW_DAYS - 1),
        "half": float(HALF_LIFE_DAYS),
        "download": DOWNLOAD,
        "discussion": DISCUSSION,
        "like": LIKE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SCORES, values)
        changed = cursor.rowcount
        cursor.execute(_POPULARITY)
    return changed


_SCORES = """
    WITH taken AS (
        SELECT repository_id, count(*) AS clients, sum(power(0.5, (%(today)s - day) / %(half)s)) AS fresh
        FROM hub_download WHERE day >= %(first)s AND kind <> 'ci' GROUP BY repository_id
    ), talked AS (
        SELECT repository_id, sum(power(0.5, (%(today)s - (created_at AT TIME ZONE 'UTC')::date) / %(half)s)) AS fresh
        FROM hub_discussion WHERE created_at >= %(first)s GROUP BY repository_id
    ), liked AS (
        SELECT repository_id, sum(power(0.5, (%(today)s - (created_at AT TIME ZONE 'UTC')::date) / %(half)s)) AS fresh
        FROM hub_like WHERE created_at >= %(first)s GROUP BY repository_id
    ), scores AS (
        SELECT id, coalesce(taken.clients, 0) AS downloads,
            round(%(download)s * coalesce(taken.fresh, 0) + %(discussion)s * coalesce(talked.fresh, 0)
                + %(like)s * coalesce(liked.fresh, 0)) AS trending
        FROM hub_repository
        LEFT JOIN taken ON taken.repository_id = id
        LEFT JOIN talked ON talked.repository_id = id
        LEFT JOIN liked ON liked.repository_id = id
    )
    UPDATE hub_repository SET downloads = scores.downloads, trending = scores.trending
    FROM scores
    WHERE scores.id = hub_repository.id
      AND (hub_repository.downloads, hub_repository.trending) IS DISTINCT FROM (scores.downloads, scores.trending)
"""
_POPULARITY = """
    UPDATE hub_searchdocument AS document SET popularity = digits.count
    FROM (SELECT id, length(ltrim(downloads::bit(64)::text, '0')) AS count FROM hub_repository) AS digits
    WHERE digits.id = document.repository_id AND document.popularity <> digits.count
"""
