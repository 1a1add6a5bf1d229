-- Deadlines that are due or were put off (due later than since when they have been due), and documents that may go on.
SELECT (SELECT count(*) FROM timer WHERE due_us <= $1 OR due_us > not_before_us) AS deadlines,
       (SELECT count(*) FROM parked WHERE ready) AS parked
