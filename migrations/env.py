"""Alembic's environment: `devicectl.records.schema` hands over the connection, inside its own transaction."""

from __future__ import annotations

from alembic import context

from devicectl.records.tables import metadata


def _run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("Migrations run by themselves when devicectl opens the database; there is no other way in.")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()
