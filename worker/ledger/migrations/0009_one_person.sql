-- Every id that was merged leads straight to the person's record, what was consented under it counts for the person, and an
-- erased person has no profile under any id.
--
-- Of a customer `extra` is MessagePack: an array of three (0x93), no card (0xc0), the target as an array of two (0x92): its
-- kind (0x00 a customer, 0x02 a pool) and its key; then the history of the status, which stays as it is.
CREATE FUNCTION pg_temp.key_end(extra bytea) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN get_byte(extra, 4) = 217 THEN 6 + get_byte(extra, 5) ELSE 5 + (get_byte(extra, 4) & 31) END
$$;
CREATE FUNCTION pg_temp.key_text(key text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN octet_length(key) < 32 THEN set_byte('\x00', 0, 160 + octet_length(key))
                ELSE set_byte('\xd900', 1, octet_length(key)) END || convert_to(key, 'UTF8')
$$;

CREATE TEMP TABLE merged ON COMMIT DROP AS
SELECT org, id, key, owner FROM account
WHERE kind = 0 AND owner IS NOT NULL AND get_byte(extra, 3) = 0;
CREATE INDEX ON merged (org, key);
ANALYZE merged;

CREATE TEMP TABLE leads ON COMMIT DROP AS
WITH RECURSIVE step (org, id, owner, links) AS (
    SELECT org, id, owner, 1 FROM merged
    UNION ALL
    SELECT s.org, s.id, m.owner, s.links + 1 FROM step s JOIN merged m ON m.org = s.org AND m.key = s.owner
)
SELECT DISTINCT ON (org, id) org, id, owner AS person, links FROM step ORDER BY org, id, links DESC;

UPDATE account a
SET owner = l.person,
    extra = '\x93c09200'::bytea || pg_temp.key_text(l.person) || substr(a.extra, pg_temp.key_end(a.extra) + 1)
FROM leads l
WHERE a.id = l.id AND l.links > 1;

UPDATE customer c
SET name = NULL, email = NULL, phone = NULL, external_ids = NULL,
    erased_at = coalesce(c.erased_at, (SELECT erased_at FROM customer WHERE org = p.org AND account_id = p.id), now())
FROM leads l JOIN account p ON p.org = l.org AND p.kind = 0 AND p.key = l.person
WHERE c.org = l.org AND c.account_id = l.id AND p.standing = 3;

INSERT INTO consent (at_us, no, org, granted, customer_id, purpose, channel)
SELECT c.at_us, c.no, c.org, c.granted, l.person, c.purpose, c.channel
FROM leads l JOIN merged m ON m.id = l.id JOIN consent c ON c.org = m.org AND c.customer_id = m.key;
