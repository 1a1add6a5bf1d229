SELECT type, subject FROM parked WHERE org = $1 AND waits_for = $2 AND waits_key = $3 ORDER BY received_us
