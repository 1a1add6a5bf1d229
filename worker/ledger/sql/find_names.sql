-- In the order of the primary key, so a page is a range of it. Without statistics, the planner would collect all names by
-- a bitmap and sort them, so the caller turns `enable_bitmapscan` off.
SELECT name, account_id
FROM customer_name
WHERE org = $1 AND (name, account_id) > ($2::text, $3::bigint) AND name < $4::text
ORDER BY name, account_id
LIMIT $5
