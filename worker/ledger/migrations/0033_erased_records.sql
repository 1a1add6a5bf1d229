-- Profiles that came over an interface after their customer's erasure were published to crm.accepted, and stayed there.
WITH gone AS (
    DELETE FROM accepted_profile p
    USING account a JOIN customer c ON c.org = a.org AND c.account_id = a.id
    WHERE a.org = p.org AND a.kind = 0 AND a.key = p.customer_id AND c.erased_at IS NOT NULL
    RETURNING p.key
), unpublished AS (
    DELETE FROM accepted WHERE key IN (SELECT key FROM gone)
)
INSERT INTO accepted (no, key) SELECT 0, key FROM gone;
