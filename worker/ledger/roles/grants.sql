-- What each role may do. The owner runs this after every migration, in one transaction; nothing else is granted.
-- Append-only tables can be read and inserted into. Only the owner may update, delete or truncate them.

DO $$
DECLARE relation regclass;
BEGIN
    FOR relation IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relowner = 'crm_owner'::regrole AND relkind IN ('r', 'p', 'v', 'S')
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, crm_worker, crm_api, crm_ops, crm_audit', relation);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION fold_batches(), add_transfer_partition() FROM PUBLIC, crm_worker, crm_api, crm_ops, crm_audit;

-- The worker and the API decide documents.
GRANT SELECT, INSERT ON org, transfer, card_number, consent, policy TO crm_worker, crm_api;
GRANT SELECT, INSERT, UPDATE ON account, tender, customer TO crm_worker, crm_api;
GRANT SELECT, INSERT, UPDATE (no, status, digest, facts, record) ON event TO crm_worker, crm_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON parked, timer TO crm_worker, crm_api;
GRANT SELECT, INSERT ON card_key TO crm_worker, crm_api;
GRANT SELECT, INSERT, UPDATE ON guard TO crm_worker, crm_api, crm_ops;
GRANT SELECT, DELETE ON card_key TO crm_ops;
GRANT SELECT, INSERT, DELETE ON accepted_profile, customer_name TO crm_worker, crm_api;
GRANT SELECT (key), INSERT, DELETE ON accepted TO crm_api;
GRANT SELECT, INSERT, DELETE ON accepted TO crm_worker;
GRANT SELECT ON contra, migration TO crm_worker, crm_api;
GRANT USAGE ON SEQUENCE account_id, batch_no TO crm_worker, crm_api;

-- Only workers publish, and only they read the topics.
GRANT SELECT, INSERT, UPDATE (published_at) ON batch TO crm_worker;
GRANT EXECUTE ON FUNCTION fold_batches(), add_transfer_partition() TO crm_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON watermark, halted TO crm_worker;
GRANT SELECT, UPDATE (decision) ON halted TO crm_ops;
GRANT SELECT, INSERT, UPDATE, DELETE ON retried TO crm_worker;
GRANT SELECT ON retried TO crm_ops;

-- The API records its batches for the workers to publish, and knows its callers. A parked document that one of its
-- documents wakes may have an outcome that no worker has published yet.
GRANT SELECT (no, worker, published_at), INSERT ON batch TO crm_api;
GRANT SELECT ON api_key TO crm_api;
GRANT SELECT, INSERT, DELETE ON session TO crm_api;
GRANT SELECT, INSERT, UPDATE ON guess_limit, card_issuer TO crm_api;

-- Operators keep the API keys, and read everything but personal data. A key is never deleted.
GRANT SELECT, INSERT ON org TO crm_ops;
GRANT SELECT, INSERT, UPDATE (expires_at, revoked_at) ON api_key TO crm_ops;
GRANT SELECT, DELETE ON session TO crm_ops;
GRANT SELECT ON event, account, transfer, tender, card_number, parked, timer, consent, policy, batch, batch_past, every_batch,
    transfer_partition, watermark, migration, contra, entry, imbalance TO crm_ops;
GRANT USAGE ON SEQUENCE batch_no TO crm_ops;

-- Each operator's command writes a row in the journal. The database itself writes the time and the login.
GRANT SELECT, INSERT (operation, who, action, target, reason, details) ON operator_journal TO crm_worker, crm_ops;
GRANT SELECT, INSERT (kind, who, reason, plan, planned, rate_per_s), UPDATE ON operation TO crm_worker, crm_ops;

-- Workers write dead letters. Workers and the API close them when they decide the repaired document. Operators discard
-- and restore them.
GRANT SELECT, INSERT ON dead_letter_group TO crm_worker, crm_ops;
GRANT SELECT, INSERT, UPDATE ON dead_letter TO crm_worker, crm_ops;
GRANT SELECT (state, identity), UPDATE (state, closed_at) ON dead_letter TO crm_api;

-- The list of archives: histories and explanations name them.
GRANT SELECT ON archive, archived_entry TO crm_worker, crm_api, crm_ops, crm_audit;

-- Auditors read the ledger: no personal data, no credentials, and nothing to change.
GRANT SELECT ON org, event, account, transfer, tender, parked, timer, consent, policy, batch, batch_past, every_batch,
    transfer_partition, watermark, migration, contra, entry, imbalance, operation, operator_journal, dead_letter,
    dead_letter_group TO crm_audit;
