SELECT type, subject, facts FROM event WHERE org = $1 AND no = $2
