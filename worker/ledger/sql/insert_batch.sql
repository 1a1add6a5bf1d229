INSERT INTO batch (no, worker, decided_at, documents) VALUES ($1, $2, $3, $4)
