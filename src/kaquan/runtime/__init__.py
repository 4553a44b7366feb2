"""What every room stands on: settings, database, jobs, clock, identifiers, money, logs."""

from kaquan.runtime.actions import start_action
from kaquan.runtime.checks import (
    LONGEST_NAME,
    LONGEST_REFERENCE,
    LONGEST_TEXT,
    MAX_MINOR,
    check_metadata,
    check_name,
    check_reference,
    check_text,
    check_time,
    check_whole_number,
    is_storable,
)
from kaquan.runtime.clock import utc_now
from kaquan.runtime.database import Database, Tx, open_database, set_project, struct_row
from kaquan.runtime.embedded import binary, embedded_postgres, running_address
from kaquan.runtime.errors import Duplicate, InvalidInput, KaquanError, NotFound, Unavailable
from kaquan.runtime.idempotency import Answer, KeyInFlight, KeyReused, answer_once
from kaquan.runtime.ids import new_id, new_ids
from kaquan.runtime.jobs import (
    UNTIL_DONE,
    JobServices,
    defer_job,
    job_queue,
    run_worker,
    services_of,
)
from kaquan.runtime.migrate import migrate
from kaquan.runtime.model import ActionStatus, AsyncAction, Page, Project
from kaquan.runtime.money import format_money, format_price, minor_digits
from kaquan.runtime.projects import create_project
from kaquan.runtime.settings import Settings, load_settings
from kaquan.runtime.store import (
    PROJECT_DIRECTORY,
    get_action,
    get_project,
    list_actions,
    list_projects,
    update_action,
)
from kaquan.runtime.telemetry import configure_logs

__all__ = [
    "LONGEST_NAME",
    "LONGEST_REFERENCE",
    "LONGEST_TEXT",
    "MAX_MINOR",
    "PROJECT_DIRECTORY",
    "UNTIL_DONE",
    "ActionStatus",
    "Answer",
    "AsyncAction",
    "Database",
    "Duplicate",
    "InvalidInput",
    "JobServices",
    "KaquanError",
    "KeyInFlight",
    "KeyReused",
    "NotFound",
    "Page",
    "Project",
    "Settings",
    "Tx",
    "Unavailable",
    "answer_once",
    "binary",
    "check_metadata",
    "check_name",
    "check_reference",
    "check_text",
    "check_time",
    "check_whole_number",
    "configure_logs",
    "create_project",
    "defer_job",
    "embedded_postgres",
    "format_money",
    "format_price",
    "get_action",
    "get_project",
    "is_storable",
    "job_queue",
    "list_actions",
    "list_projects",
    "load_settings",
    "migrate",
    "minor_digits",
    "new_id",
    "new_ids",
    "open_database",
    "run_worker",
    "running_address",
    "services_of",
    "set_project",
    "start_action",
    "struct_row",
    "update_action",
    "utc_now",
]
