UPDATE parked p SET ready = true, woken_no = k.no
FROM unnest($1::integer[], $2::text[], $3::bigint[]) AS k (org, sale_id, no)
WHERE p.org = k.org AND p.sale_id = k.sale_id AND p.sale_id <> '' AND NOT p.ready
