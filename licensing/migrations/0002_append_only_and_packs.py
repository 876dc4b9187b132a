"""What was agreed, certified and revoked stays as it is; and the first credit packs."""

from django.db import migrations

APPEND_ONLY = ["acceptance", "certificate", "revocation"]
FORWARD = "".join(
    f"CREATE TRIGGER licensing_{table}_append_only BEFORE UPDATE OR DELETE ON licensing_{table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();\n"
    for table in APPEND_ONLY
)
BACKWARD = "".join(f"DROP TRIGGER licensing_{table}_append_only ON licensing_{table};\n" for table in APPEND_ONLY)
PACKS = [(currency, units * 1_000_000) for currency in ("eur", "usd") for units in (5, 20, 100)]


def add_packs(apps, schema_editor):
    pack = apps.get_model("licensing", "CreditPack")
    pack.objects.bulk_create(pack(currency=currency, amount=amount) for currency, amount in PACKS)


class Migration(migrations.Migration):
    dependencies = [("licensing", "0001_initial"), ("common", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD), migrations.RunPython(add_packs, migrations.RunPython.noop)]
