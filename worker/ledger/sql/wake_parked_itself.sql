UPDATE parked p SET ready = true, woken_no = k.no
FROM unnest($1::integer[], $2::smallint[], $3::text[], $4::bigint[]) AS k (org, type, subject, no)
WHERE p.org = k.org AND p.type = k.type AND p.subject = k.subject AND NOT p.ready
