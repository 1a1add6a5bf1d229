SELECT o.code AS orgcode, NULL::smallint AS kind, 'tender ' || t.id AS key, NULL::smallint AS type, NULL AS subject,
       'requested ' || requested_minor || ', approved ' || approved_minor || ', captured ' || captured_minor
           || ', refunded ' || refunded_minor AS what
FROM tender t JOIN org o ON o.id = t.org
WHERE captured_minor > approved_minor OR approved_minor > requested_minor OR refunded_minor > captured_minor
LIMIT 100
