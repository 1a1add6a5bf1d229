UPDATE tender t
SET state = k.state, kind = k.kind, sale_id = k.sale_id, requested_minor = k.requested_minor,
    approved_minor = k.approved_minor, captured_minor = k.captured_minor, refunded_minor = k.refunded_minor,
    extra = k.extra
FROM unnest($1::integer[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bytea[])
    AS k (org, id, state, kind, sale_id, requested_minor, approved_minor, captured_minor, refunded_minor, extra)
WHERE t.org = k.org AND t.id = k.id
