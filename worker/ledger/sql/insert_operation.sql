INSERT INTO operation (kind, who, reason, plan, planned, rate_per_s) VALUES ($1, $2, $3, $4::jsonb, $5, $6)
RETURNING id
