INSERT INTO parked
    (org, type, subject, waits_for, waits_key, sale_id, ready, due_us, received_us, record_us, document, no)
SELECT org, type, subject, waits_for, waits_key, sale_id, false, due_us, received_us, record_us, document, no
FROM unnest($1::integer[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bytea[], $11::bigint[])
    AS k (org, type, subject, waits_for, waits_key, sale_id, due_us, received_us, record_us, document, no)
ON CONFLICT (org, type, subject) DO UPDATE
SET waits_for = excluded.waits_for, waits_key = excluded.waits_key, ready = false, woken_no = NULL,
    document = excluded.document
