"""Tools for operators and auditors: explain decisions, simulate documents, and long operations such as replay."""
