SELECT '' AS orgcode, NULL::smallint AS kind, 'batch ' || e.batch AS key, NULL::smallint AS type, NULL AS subject,
       CASE WHEN b.no IS NULL THEN 'is not in the journal; ' || e.documents || ' documents name it'
            ELSE 'decided ' || b.documents || ' documents; ' || e.documents || ' name it' END AS what
FROM (SELECT no >> 12 AS batch, count(*) AS documents FROM event WHERE no > 0 GROUP BY 1) e
LEFT JOIN every_batch b ON b.no = e.batch
WHERE b.no IS NULL OR e.documents > b.documents
LIMIT 100
