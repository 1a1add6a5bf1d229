UPDATE event e
SET no = coalesce(k.no, e.no), status = coalesce(k.status, e.status), digest = coalesce(k.digest, e.digest),
    facts = coalesce(k.facts, e.facts), record = coalesce(k.record, e.record)
FROM unnest($1::integer[], $2::smallint[], $3::text[], $4::bigint[], $5::smallint[], $6::bytea[], $7::bytea[],
            $8::bytea[])
    AS k (org, type, subject, no, status, digest, facts, record)
WHERE e.org = k.org AND e.type = k.type AND e.subject = k.subject
