-- When the latest archived transfer of these accounts was decided; null: none is archived.
SELECT max(last_at) FROM archived_entry WHERE account_id = ANY ($1::bigint[])
