"""Alembic's entry: migrations run on the connection that kaquan.runtime.migrate opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="kaquan",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
