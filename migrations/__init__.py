"""The history of the database, as Alembic revisions."""

__devicectl_package__ = "devicectl"
