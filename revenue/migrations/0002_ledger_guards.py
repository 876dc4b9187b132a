"""What the books promise, kept by PostgreSQL itself: nothing changes, everything balances,
closed periods stay closed, guarded balances stay at zero or above (docs/reference/ledger.md)."""

from django.db import migrations

APPEND_ONLY = [
    "account",
    "journal",
    "entry",
    "periodlock",
    "hashblock",
    "attributionsnapshot",
    "sale",
    "salereversal",
    "revenueline",
    "monthclose",
    "closedline",
    "shareallocation",
    "statement",
]

FUNCTIONS = """
CREATE FUNCTION revenue_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Test runs empty all tables between cases; their connections say so, no other does.
    IF TG_OP = 'TRUNCATE' AND current_setting('wellspring.allow_truncate', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '23000';
END $$;

-- Writers of the books share this lock, a closing and a sealing take it alone: so whoever
-- closes or seals knows that nothing older is still on its way.
CREATE FUNCTION revenue_lock_shared() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(7305701)';
CREATE FUNCTION revenue_lock_alone() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock(7305701)';

CREATE FUNCTION revenue_check_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revenue_lock_shared();
    IF EXISTS (SELECT 1 FROM revenue_periodlock WHERE closed_through >= NEW.effective) THEN
        RAISE EXCEPTION 'the period of % is closed', NEW.effective
            USING ERRCODE = '23514', CONSTRAINT = 'journal_in_open_period';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revenue_check_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM revenue_lock_alone();
    IF EXISTS (SELECT 1 FROM revenue_periodlock WHERE closed_through >= NEW.closed_through) THEN
        RAISE EXCEPTION 'the books are closed beyond % already', NEW.closed_through
            USING ERRCODE = '23514', CONSTRAINT = 'period_lock_moves_forward';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION revenue_check_journal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found integer;
BEGIN
    SELECT count(*) INTO found FROM revenue_entry WHERE journal_id = NEW.id;
    IF found <> NEW.legs THEN
        RAISE EXCEPTION 'journal % declares % legs and has %', NEW.key, NEW.legs, found
            USING ERRCODE = '23514', CONSTRAINT = 'journal_is_complete';
    END IF;
    IF EXISTS (SELECT 1 FROM revenue_entry WHERE journal_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'journal % does not balance', NEW.key
            USING ERRCODE = '23514', CONSTRAINT = 'journal_balances';
    END IF;
    IF NEW.reverses_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM revenue_entry WHERE journal_id IN (NEW.id, NEW.reverses_id)
        GROUP BY account_id HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION 'journal % is not the mirror of what it reverses', NEW.key
            USING ERRCODE = '23514', CONSTRAINT = 'reversal_is_mirror';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION revenue_after_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved record;
BEGIN
    IF EXISTS (
        SELECT 1 FROM revenue_journal journal
        WHERE journal.id IN (SELECT journal_id FROM fresh)
        AND (SELECT count(*) FROM revenue_entry entry WHERE entry.journal_id = journal.id) > journal.legs
    ) THEN
        RAISE EXCEPTION 'a journal has all its legs already' USING ERRCODE = '23514', CONSTRAINT = 'journal_is_complete';
    END IF;
    -- In order of accounts, so that two writers never wait for each other in a circle.
    FOR moved IN
        SELECT account.id, sum(fresh.amount) * CASE WHEN account.kind IN ('asset', 'expense') THEN 1 ELSE -1 END AS change
        FROM fresh JOIN revenue_account account ON account.id = fresh.account_id
        WHERE account.guarded GROUP BY account.id ORDER BY account.id
    LOOP
        INSERT INTO revenue_balance (account_id, amount) VALUES (moved.id, 0) ON CONFLICT DO NOTHING;
        UPDATE revenue_balance SET amount = amount + moved.change WHERE account_id = moved.id;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION revenue_guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'balances follow the entries: % refused', TG_OP USING ERRCODE = '23000';
    END IF;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
ALTER TABLE revenue_entry ADD CONSTRAINT entry_currency_is_the_accounts
    FOREIGN KEY (account_id, currency) REFERENCES revenue_account (id, currency) DEFERRABLE INITIALLY IMMEDIATE;
CREATE TRIGGER revenue_journal_open BEFORE INSERT ON revenue_journal
    FOR EACH ROW EXECUTE FUNCTION revenue_check_open();
CREATE TRIGGER revenue_period_forward BEFORE INSERT ON revenue_periodlock
    FOR EACH ROW EXECUTE FUNCTION revenue_check_lock();
CREATE CONSTRAINT TRIGGER revenue_journal_balanced AFTER INSERT ON revenue_journal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION revenue_check_journal();
CREATE TRIGGER revenue_entries_counted AFTER INSERT ON revenue_entry
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION revenue_after_entries();
CREATE TRIGGER revenue_balance_guarded BEFORE INSERT OR UPDATE OR DELETE ON revenue_balance
    FOR EACH STATEMENT EXECUTE FUNCTION revenue_guard_balance();
CREATE TRIGGER revenue_balance_kept BEFORE TRUNCATE ON revenue_balance
    FOR EACH STATEMENT EXECUTE FUNCTION revenue_refuse_change();
""" + "".join(
    f"CREATE TRIGGER revenue_{table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON revenue_{table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION revenue_refuse_change();\n"
    for table in APPEND_ONLY
)

BACKWARD = """
DROP TRIGGER revenue_balance_kept ON revenue_balance;
DROP TRIGGER revenue_balance_guarded ON revenue_balance;
DROP TRIGGER revenue_entries_counted ON revenue_entry;
DROP TRIGGER revenue_journal_balanced ON revenue_journal;
DROP TRIGGER revenue_period_forward ON revenue_periodlock;
DROP TRIGGER revenue_journal_open ON revenue_journal;
ALTER TABLE revenue_entry DROP CONSTRAINT entry_currency_is_the_accounts;
""" + "".join(f"DROP TRIGGER revenue_{table}_append_only ON revenue_{table};\n" for table in APPEND_ONLY) + """
DROP FUNCTION revenue_guard_balance();
DROP FUNCTION revenue_after_entries();
DROP FUNCTION revenue_check_journal();
DROP FUNCTION revenue_check_lock();
DROP FUNCTION revenue_check_open();
DROP FUNCTION revenue_lock_alone();
DROP FUNCTION revenue_lock_shared();
DROP FUNCTION revenue_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("revenue", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, BACKWARD)]
