"""Audit entries cannot be changed or deleted, whoever holds the connection."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION common_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON common_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();
"""
BACKWARD = """
DROP TRIGGER audit_append_only ON common_auditentry;
DROP FUNCTION common_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("common", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
