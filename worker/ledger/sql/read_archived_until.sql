-- When the latest of these accounts' transfers was decided that are archived; null: none is.
SELECT max(last_at) FROM archived_entry WHERE account_id = ANY ($1::bigint[])
