-- Returns whether an open dead letter waits for its repaired document: a statement of its own would be another round
-- trip to Postgres.
INSERT INTO batch (no, worker, decided_at, documents) VALUES ($1, $2, $3, $4)
RETURNING EXISTS (SELECT FROM dead_letter WHERE state = 'open' AND identity IS NOT NULL)
