"""All SQL. One schema for SQLite and PostgreSQL, one module a subject."""
