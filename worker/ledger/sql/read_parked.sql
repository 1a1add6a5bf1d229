SELECT waits_for, waits_key, ready, due_us, woken_no FROM parked WHERE org = $1 AND type = $2 AND subject = $3
