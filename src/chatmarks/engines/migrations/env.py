"""What Alembic runs to write SQL."""

from __future__ import annotations

from alembic import context

context.configure(
    dialect_name=context.config.attributes["dialect"],
    literal_binds=True,
    # Without BEGIN and COMMIT: the engine has a transaction of its own around it.
    transactional_ddl=False,
)
context.run_migrations()
