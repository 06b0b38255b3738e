"""The record: tables, the one writer, read-only queries, migrations at start, backup. Knows the database only.

Importing this package loads nothing heavy; its modules import SQLAlchemy.
"""
