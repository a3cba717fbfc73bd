"""The gradebook's database: opened, laid out if it is empty, and written in transactions that take turns.

Every refusal by a database becomes one sentence, an ExportError.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from autograder.export.errors import ExportError
from autograder.writing import refuse_links

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["WAIT_S", "Database", "Row", "RowError", "check_gradebook", "open_gradebook", "shown"]

Row = Any
"""An object from nbgrader's database, which has no types."""
Found = TypeVar("Found")
WAIT_S = 20.0  # for another program's writing; a click in the formgrader takes milliseconds
ASK_S, REST_S = 0.01, 0.03
"""Seconds between two attempts to lock a file, and the longer pause after a batch, so that others get their turn."""
TRIES, FIRST_PAUSE_S = 8, 0.05
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code
CONFLICTS = {
    "40001": "serialization failure",
    "40P01": "deadlock",
    "23505": "a row that another program added first",
    "23503": "a row that another program removed",
}
"""PostgreSQL's codes after which the same work may succeed."""
COURSE = "default_course"  # nbgrader's, to which assignments belong
MOST_OF_A_REASON = 300
EXAMPLES = "sqlite:///gradebook.db or postgresql://USER@HOST/DATABASE"


def check_gradebook(url: str) -> None:
    """Raise ExportError if ``open_gradebook`` would, before any grading; write nothing."""
    parsed = _parse(url)
    if _on_sqlite(parsed) and not Path(str(parsed.database)).exists():
        return  # connecting would create the file
    with _told(parsed), _engine(parsed) as engine, engine.connect() as connection:
        _is_empty(connection, parsed)


class RowError(ExportError):
    """The database refuses a value: one sentence with its reason."""


class Database:
    """An open gradebook."""

    def __init__(self, engine: Engine, gradebook: Row, url: URL) -> None:
        self.on_sqlite = _on_sqlite(url)
        self._engine, self._gradebook, self._url = engine, gradebook, url

    def transact(self, work: Callable[[Row], Found]) -> Found:
        """Call ``work`` with nbgrader's Gradebook in one transaction, anew after a conflict with another writer.

        Gradebook's methods commit when they are called; here that is deferred to the end.  Raises RowError if the
        database refuses a value; nothing of the transaction is written then.
        """
        from nbgrader.api import InvalidEntry
        from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

        for number in range(1, TRIES + 1):
            try:
                found = self._once(work)
            except (SQLAlchemyError, InvalidEntry) as error:
                is_conflict = _code(_cause(error)) in CONFLICTS
                if isinstance(error, DataError | IntegrityError) and not is_conflict:
                    raise RowError(_refused(self._url, _cause(error))) from error
                if not is_conflict or number == TRIES:
                    raise
            else:
                if self.on_sqlite:
                    time.sleep(REST_S)
                return found
            time.sleep(FIRST_PAUSE_S * 2 ** (number - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        raise AssertionError

    def _once(self, work: Callable[[Row], Found]) -> Found:
        session = self._gradebook.db
        with self._engine.begin() as connection:
            session.remove()
            session.configure(
                bind=connection,
                join_transaction_mode="rollback_only",
                autoflush=False,  # nbgrader's own way to add a row would warn
                expire_on_commit=False,
            )
            try:
                found = work(self._gradebook)
                session.commit()
            finally:
                session.remove()
        return found


@contextmanager
def open_gradebook(url: str) -> Iterator[Database]:
    """Open a gradebook; an empty database is laid out first.  Raises ExportError."""
    parsed = _parse(url)
    with _told(parsed):
        from nbgrader.api import Gradebook

        with _engine(parsed) as engine:
            with engine.begin() as connection:
                if _is_empty(connection, parsed):
                    _lay_out(connection)
                _add_course(connection)
            gradebook = Gradebook(parsed.render_as_string(hide_password=False), course_id=COURSE)
            try:
                yield Database(engine, gradebook, parsed)
            finally:
                gradebook.close()


def _parse(text: str) -> URL:
    try:
        from nbgrader import api  # noqa: F401 - asked for first: SQLAlchemy comes with it
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError as error:
        message = "The gradebook is nbgrader's: install the extra dlkit-course[course]."
        raise ExportError(message) from error
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        message = f"'{text}' is not the address of a database. Use {EXAMPLES}."
        raise ExportError(message) from error
    kind = url.get_backend_name()
    if kind == "sqlite":
        _refuse_no_file(url)
    elif kind != "postgresql":
        message = f"A gradebook must be in SQLite or PostgreSQL, not in '{kind}'. Use {EXAMPLES}."
        raise ExportError(message)
    return url


def _refuse_no_file(url: URL) -> None:
    """Refuse addresses without a usable file: SQLite would use memory, or report only that it cannot open."""
    if not url.database or url.database == ":memory:":
        message = "The gradebook's address names no file, so nothing would be stored. Use sqlite:///gradebook.db."
        raise ExportError(message)
    path = Path(url.database)
    for name in ("", "-journal", "-wal", "-shm"):
        refuse_links(path.with_name(path.name + name), path.parent)
    if path.is_dir():
        message = f"{path} is a folder. Name a file for the gradebook: sqlite:///{path / 'gradebook.db'}."
        raise ExportError(message)
    if not path.parent.is_dir():
        message = f"There is no folder {path.parent} for the gradebook. Create it, or name another place."
        raise ExportError(message)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        message = f"{path} cannot be written. Check who may write it, or name another place."
        raise ExportError(message)


def shown(url: str) -> str:
    """Return an address for messages, without a password.  Raises ExportError if it is not an address."""
    return _without_secrets(_parse(url))


def _without_secrets(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)


def _place(url: URL) -> str:
    """The gradebook's name in sentences."""
    return str(url.database) if _on_sqlite(url) else _without_secrets(url)


def _on_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Turn errors of the database and of nbgrader into a sentence."""
    from nbgrader.api import InvalidEntry
    from sqlalchemy.exc import SQLAlchemyError
    from tornado.log import app_log

    quiet, app_log.disabled = app_log.disabled, True  # nbgrader logs a traceback for each
    try:
        yield
    except (SQLAlchemyError, InvalidEntry) as error:
        raise ExportError(_sentence(url, _cause(error))) from error
    finally:
        app_log.disabled = quiet


def _cause(error: BaseException) -> BaseException:
    """The database driver's own error; nbgrader's InvalidEntry hides SQLAlchemy's, and that the driver's."""
    from nbgrader.api import InvalidEntry
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, InvalidEntry) and error.__context__ is not None:
        error = error.__context__
    return error.orig if isinstance(error, DBAPIError) and error.orig else error


def _code(cause: BaseException) -> str | None:
    """PostgreSQL's code of an error."""
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _reason(cause: BaseException) -> str:
    return " ".join(str(cause).split())[:MOST_OF_A_REASON]


def _refused(url: URL, cause: BaseException) -> str:
    return (
        f"The gradebook {_place(url)} refuses this report ({_reason(cause)}). "
        "Check the student's name and the points in the report, and grade again."
    )


def _sentence(url: URL, cause: BaseException) -> str:
    reason, code = _reason(cause), _code(cause)
    if code == LOCK_NOT_AVAILABLE or "database is locked" in reason:
        return (
            f"{_place(url)} is locked: another program has been writing to it for {WAIT_S:g} s. "
            "Wait until it has finished, then run the same command again."
        )
    if code in CONFLICTS:
        return (
            f"Another program changed {_place(url)} during each of {TRIES} attempts to write ({CONFLICTS[code]}). "
            "Wait until it has finished, then run the same command again."
        )
    if url.get_backend_name() == "postgresql":
        return (
            f"The gradebook {_place(url)} cannot be used ({reason}). "
            "Check the address and whether the server is running; createdb creates a database."
        )
    return f"The gradebook {_place(url)} cannot be used ({reason}). Check the file and who may write it."


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    """Connections whose transactions may write at once, or wait at most ``WAIT_S`` for it."""
    from sqlalchemy import create_engine, event

    on_sqlite = _on_sqlite(url)
    bounds = {"timeout": WAIT_S} if on_sqlite else {"connect_timeout": round(WAIT_S)}
    try:
        engine = create_engine(url, connect_args=bounds)
    except ModuleNotFoundError as error:
        message = (
            f"{_place(url)} needs the driver {error.name}, which is not installed. Install the extra "
            "dlkit-course[postgres] and use postgresql+psycopg://."
        )
        raise ExportError(message) from error
    if on_sqlite:  # the driver begins no transaction for CREATE TABLE, and acquires the lock too late to wait for it
        event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _lock_sqlite if on_sqlite else _lock_postgresql)
    try:
        yield engine
    finally:
        engine.dispose()


def _leave_transactions_to_us(connection: Row, _record: object) -> None:
    connection.isolation_level = None


def _lock_sqlite(connection: Connection) -> None:
    """Ask often: SQLite itself asks every 100 ms, and would miss the pauses between another grader's batches."""
    from sqlalchemy.exc import OperationalError

    until = time.monotonic() + WAIT_S
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if "database is locked" not in str(error.orig) or time.monotonic() > until:
                raise
            time.sleep(ASK_S * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        else:
            break
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(1000 * WAIT_S)}")


def _lock_postgresql(connection: Connection) -> None:
    """Let autograders write one batch at a time; nbgrader and its formgrader wait for the rows of a batch only."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{round(1000 * WAIT_S)}ms'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('autograder gradebook'))")


def _is_empty(connection: Connection, url: URL) -> bool:
    """Whether the database has no tables yet.  ExportError if it holds anything but a gradebook of this layout."""
    from alembic.migration import MigrationContext
    from nbgrader.api import Base
    from sqlalchemy import inspect

    if url.get_backend_name() == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            message = (
                f"{_place(url)} is encoded in {encoding}, which cannot hold every name. "
                "Create it with createdb --encoding UTF8 --template template0."
            )
            raise ExportError(message)
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return True
    if not tables >= set(Base.metadata.tables):
        message = f"{_place(url)} holds tables, but not nbgrader's. Name a separate database for the gradebook."
        raise ExportError(message)
    found, ours = MigrationContext.configure(connection).get_current_revision(), _migrations().get_current_head()
    if found not in (None, ours):
        message = (
            f"{_place(url)} was laid out by another version of nbgrader ({found} there, {ours} here). "
            "Save a copy, then run nbgrader db upgrade."
        )
        raise ExportError(message)
    return False


def _migrations() -> Row:
    from alembic.script import ScriptDirectory
    from nbgrader.dbutil import ALEMBIC_DIR

    return ScriptDirectory(ALEMBIC_DIR)


def _lay_out(connection: Connection) -> None:
    """Create nbgrader's tables and record their revision, as its Gradebook would, but in one transaction.

    Gradebook uses two, and a command ``alembic`` on PATH for the revision: killed in between, or without the command,
    it leaves a database without a revision, which it later takes for a very old one.
    """
    from alembic.migration import MigrationContext
    from nbgrader.api import Base

    Base.metadata.create_all(connection)
    migrations = _migrations()
    MigrationContext.configure(connection).stamp(migrations, migrations.get_current_head())


def _add_course(connection: Connection) -> None:
    """Add nbgrader's course if it is missing; its Gradebook would do that outside of our turn."""
    from nbgrader.api import Course
    from sqlalchemy import insert, select

    if connection.scalar(select(Course.id).where(Course.id == COURSE)) is None:
        connection.execute(insert(Course).values(id=COURSE))
