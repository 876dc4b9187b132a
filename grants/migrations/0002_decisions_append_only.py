"""Decisions, and the texts they were taken on, cannot be changed or deleted, whoever holds the connection."""

from django.db import migrations

TABLES = ["grants_decision", "grants_rounddecision", "grants_proposalversion"]
FORWARD = "\n".join(
    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();"
    for table in TABLES
)
BACKWARD = "\n".join(f"DROP TRIGGER {table}_append_only ON {table};" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("grants", "0001_initial"), ("common", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
