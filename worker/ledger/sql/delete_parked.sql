DELETE FROM parked p
USING unnest($1::integer[], $2::smallint[], $3::text[]) AS k (org, type, subject)
WHERE p.org = k.org AND p.type = k.type AND p.subject = k.subject
