SELECT name, value FROM guard
