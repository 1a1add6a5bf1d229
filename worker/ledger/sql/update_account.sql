-- Columns that rarely change come last in the table, because Postgres writes a changed row to the WAL from the first
-- changed byte to the last. An empty array stands for its column's usual value in every row (stored/rows.py): arrays are
-- unpacked one by one.
UPDATE account a
SET balance = k.balance, held = coalesce(k.held, 0), deficit = coalesce(k.deficit, 0), version = k.version,
    standing = coalesce(k.standing, 1),
    lots = k.lots, earned = k.earned, extra = k.extra, last_no = k.last_no, owner = k.owner,
    past = coalesce(k.past, a.past)
FROM unnest($1::integer[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::smallint[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bigint[], $13::text[], $14::bytea[])
    AS k (org, kind, key, balance, held, deficit, version, standing, lots, earned, extra, last_no, owner, past)
WHERE a.org = k.org AND a.kind = k.kind AND a.key = k.key
