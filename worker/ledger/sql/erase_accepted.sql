-- Erase the records that hold the personal data of these customers: tombstones, and no record that is still to publish.
WITH gone AS (
    DELETE FROM accepted_profile p
    USING unnest($2::integer[], $3::text[]) AS k (org, customer_id)
    WHERE p.org = k.org AND p.customer_id = k.customer_id
    RETURNING p.key
), unpublished AS (
    DELETE FROM accepted WHERE key = ANY (ARRAY(SELECT key FROM gone))
)
INSERT INTO accepted (no, key) SELECT $1, key FROM gone
