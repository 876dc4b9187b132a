"""GPU-second entries cannot be changed or deleted, and no account falls below zero, whoever writes."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER gpu_entries_append_only BEFORE UPDATE OR DELETE ON compute_gpusecondentry
    FOR EACH STATEMENT EXECUTE FUNCTION common_refuse_change();

CREATE FUNCTION compute_keep_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    available bigint;
    reserved bigint;
    held bigint;
BEGIN
    PERFORM 1 FROM compute_allocation WHERE id = NEW.allocation_id FOR UPDATE;
    SELECT coalesce(sum(CASE kind WHEN 'grant' THEN amount WHEN 'release' THEN amount
                                  WHEN 'reserve' THEN -amount WHEN 'expire' THEN -amount ELSE 0 END), 0),
           coalesce(sum(CASE kind WHEN 'reserve' THEN amount
                                  WHEN 'settle' THEN -amount WHEN 'release' THEN -amount ELSE 0 END), 0),
           coalesce(sum(CASE WHEN reference <> NEW.reference THEN 0 WHEN kind = 'reserve' THEN amount
                             WHEN kind IN ('settle', 'release') THEN -amount ELSE 0 END), 0)
      INTO available, reserved, held
      FROM compute_gpusecondentry WHERE allocation_id = NEW.allocation_id;
    IF available < 0 OR reserved < 0 OR held < 0 THEN
        RAISE EXCEPTION 'allocation % would fall below zero by %', NEW.allocation_id, NEW.key
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER gpu_entries_keep_balances AFTER INSERT ON compute_gpusecondentry
    FOR EACH ROW EXECUTE FUNCTION compute_keep_balances();
"""
BACKWARD = """
DROP TRIGGER gpu_entries_keep_balances ON compute_gpusecondentry;
DROP FUNCTION compute_keep_balances();
DROP TRIGGER gpu_entries_append_only ON compute_gpusecondentry;
"""


class Migration(migrations.Migration):
    dependencies = [("compute", "0001_initial"), ("common", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
