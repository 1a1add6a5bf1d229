UPDATE parked p SET ready = true, woken_no = k.no
FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[]) AS k (org, waits_for, waits_key, no)
WHERE p.org = k.org AND p.waits_for = k.waits_for AND p.waits_key = k.waits_key AND NOT p.ready
