-- A session knows the session that opened it, and ends with it: at once, and whoever opens one meanwhile.

ALTER TABLE session ADD COLUMN parent text COLLATE "C";
ALTER TABLE session ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE session ADD FOREIGN KEY (org, parent) REFERENCES session (org, id) ON DELETE CASCADE;
CREATE INDEX session_parent ON session (org, parent);
CREATE INDEX session_key ON session (org, api_key);
