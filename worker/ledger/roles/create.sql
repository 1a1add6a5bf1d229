-- The roles of a ledger. A superuser, or a role with CREATEROLE that owns the database, runs this once; running it
-- again changes nothing. The roles belong to the whole server, so two ledgers on one server share them.
-- A new role has no password, so nobody can log in as it until somebody sets one.

DO $$
DECLARE role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['crm_owner', 'crm_worker', 'crm_api', 'crm_ops', 'crm_audit', 'crm_operator'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I LOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- somebody created it at the same moment
        END;
    END LOOP;

    -- The user who sets up the ledger acts as its owner. A superuser may do so anyway.
    IF NOT pg_has_role(current_user, 'crm_owner', 'USAGE') THEN
        EXECUTE format('GRANT crm_owner TO %I', current_user);
    END IF;
END $$;

-- An operator plans a replay as crm_ops, runs it as crm_worker and audits as crm_audit. This login has no right of its
-- own: a command takes on the role that it needs.
DO $$
DECLARE role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['crm_ops', 'crm_worker', 'crm_audit'] LOOP
        IF NOT pg_has_role('crm_operator', role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO crm_operator WITH INHERIT FALSE', role);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- another user created the roles: only that one may give them to a login
END $$;

GRANT USAGE, CREATE ON SCHEMA public TO crm_owner;
GRANT USAGE ON SCHEMA public TO crm_worker, crm_api, crm_ops, crm_audit;

-- In version 0.1 the user who ran `setup` owned the tables; now the owner's role gets them.
DO $$
DECLARE
    relation regclass;
    routine regprocedure;
BEGIN
    FOR relation IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relowner <> 'crm_owner'::regrole
            AND c.relkind IN ('r', 'p', 'v') AND pg_has_role(current_user, c.relowner, 'USAGE')
            AND (EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = to_regclass('public.transfer'))
                OR c.relname = ANY ('{archive,archived_entry,org,batch,batch_past,every_batch,event,'
                'account,transfer,transfer_partition,tender,card_number,parked,timer,customer,'
                'customer_name,consent,policy,watermark,api_key,session,migration,card_key,guess_limit,card_issuer,accepted,'
                'accepted_profile,operation,operator_journal,dead_letter,dead_letter_group,halted,retried,guard,contra,entry,imbalance}'))
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO crm_owner', relation);
    END LOOP;
    FOR relation IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relowner <> 'crm_owner'::regrole
            AND c.relkind = 'S' AND c.relname = ANY ('{account_id,batch_no}')
    LOOP
        EXECUTE format('ALTER SEQUENCE %s OWNER TO crm_owner', relation);
    END LOOP;
    -- Two of them act as their owner, whoever calls them. A database that was restored without owners has other ones.
    FOR routine IN
        SELECT oid FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proowner <> 'crm_owner'::regrole
            AND pg_has_role(current_user, proowner, 'USAGE') AND proname = ANY ('{refuse_change,refuse_new_plan,rotated,'
                'follow_name,empty_folded,fold_batches,add_transfer_partition}')
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO crm_owner', routine);
    END LOOP;
END $$;
