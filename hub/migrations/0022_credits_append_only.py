"""Accepted credits, and all that is written down about them, cannot be changed or deleted, whoever holds the connection."""

from django.db import migrations

TABLES = ["mention", "creditseal", "sponsor", "disputeevent", "creditcorrection"]

FORWARD = [
    *(
        f"CREATE TRIGGER hub_{table}_append_only BEFORE UPDATE OR DELETE ON hub_{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();"
        for table in TABLES
    ),
    """
    CREATE TRIGGER hub_credit_permanent BEFORE UPDATE OR DELETE ON hub_credit
        FOR EACH ROW WHEN (OLD.state = 'accepted') EXECUTE FUNCTION common_refuse_change();
    """,
    """
    CREATE TRIGGER hub_dispute_decided BEFORE UPDATE OR DELETE ON hub_dispute
        FOR EACH ROW WHEN (OLD.state IN ('upheld', 'rejected', 'settled')) EXECUTE FUNCTION common_refuse_change();
    """,
]
BACKWARD = [
    *(f"DROP TRIGGER hub_{table}_append_only ON hub_{table};" for table in TABLES),
    "DROP TRIGGER hub_credit_permanent ON hub_credit;",
    "DROP TRIGGER hub_dispute_decided ON hub_dispute;",
]


class Migration(migrations.Migration):
    dependencies = [('hub', '0021_credits_sealed_and_disputed'), ("common", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
