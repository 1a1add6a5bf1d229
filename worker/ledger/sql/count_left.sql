-- Deadlines that are due or were put off (for a day at most; `due_us` is then later than `not_before_us`), and ready
-- parked documents.
SELECT (SELECT count(*) FROM timer
        WHERE due_us <= $1 + 86400000000 AND (due_us <= $1 OR due_us > not_before_us)) AS deadlines,
       (SELECT count(*) FROM parked WHERE ready) AS parked
