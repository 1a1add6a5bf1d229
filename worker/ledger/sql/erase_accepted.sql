-- Mark the records for erasure that hold the personal data of these customers.
WITH gone AS (
    DELETE FROM accepted_profile p
    USING unnest($2::integer[], $3::text[]) AS k (org, customer_id)
    WHERE p.org = k.org AND p.customer_id = k.customer_id
    RETURNING p.key
)
INSERT INTO accepted (no, key) SELECT $1, key FROM gone
