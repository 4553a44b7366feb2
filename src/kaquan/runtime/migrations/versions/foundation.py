"""The foundation: every table of the first version, and the job queue's."""

from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "foundation"
down_revision = None

_GRANT_JOBS = """
    grant usage on schema jobs to kaquan_app;
    grant select, insert, update, delete on all tables in schema jobs to kaquan_app;
    grant usage, select on all sequences in schema jobs to kaquan_app;
    grant execute on all functions in schema jobs to kaquan_app;
    set local search_path = kaquan, jobs;
"""


def upgrade() -> None:
    """Run the numbered SQL files beside this one, then the job queue's own schema."""
    # The driver's own connection: SQLAlchemy would read the percent signs as placeholders.
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    for part in sorted(Path(__file__).parent.glob("foundation_*.sql")):
        connection.execute(part.read_text())
    connection.execute("set local search_path = jobs")
    connection.execute(SchemaManager.get_schema())
    connection.execute(_GRANT_JOBS)
