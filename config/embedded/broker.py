"""The embedded broker: kombu's pgmq transport keeps its queues in the site's own PostgreSQL."""

import psycopg2

LOCK = 7_316_420  # any number, the same in every process: two installations at once would collide


def install(dsn: str) -> None:
    """Create the schema `pgmq` if it is not there. `dsn` is the site's DATABASE_URL.

    The bundled SQL cannot be run twice, hence the look first and the lock around both.
    """
    import pgmq  # noqa: PLC0415 - needed once, at set-up

    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            cursor.execute("SELECT to_regnamespace('pgmq')")
            if cursor.fetchone()[0] is None:
                pgmq.install_pgmq_from_sql(dsn=dsn)
    finally:
        connection.close()
