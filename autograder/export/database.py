"""The gradebook's database: opened, laid out where it is empty, and written in one transaction.

Every way in which a database can refuse is one sentence, an ExportError.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.export.errors import ExportError
from autograder.writing import refuse_links

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["WAIT_S", "Row", "check_gradebook", "open_gradebook", "shown"]

Row = Any
"""Whatever nbgrader hands out of its database: it states no types."""
WAIT_S = 20.0  # for another program that writes; a formgrader's click takes milliseconds
LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code
MOST_OF_A_REASON = 300
EXAMPLES = "sqlite:///gradebook.db or postgresql://USER@HOST/DATABASE"


def check_gradebook(url: str) -> None:
    """Raise ExportError where ``open_gradebook`` would, before work is spent on what it is to hold; write nothing."""
    parsed = _parse(url)
    if _on_sqlite(parsed) and not Path(str(parsed.database)).exists():
        return  # to connect is to make the file
    with _told(parsed), _engine(parsed) as engine, engine.connect() as connection:
        _is_empty(connection, parsed)


@contextmanager
def open_gradebook(url: str) -> Iterator[Row]:
    """Open nbgrader's Gradebook; at the end everything done to it is kept, after an error nothing.

    Its methods commit when they are called; here their commits wait for the one at the end.  An empty database is laid
    out first.  Raises ExportError.
    """
    parsed = _parse(url)
    with _told(parsed):
        from nbgrader.api import Gradebook

        with _engine(parsed) as engine:
            with engine.begin() as connection:
                if _is_empty(connection, parsed):
                    _lay_out(connection)
            gradebook = Gradebook(parsed.render_as_string(hide_password=False))
            try:
                with engine.begin() as connection:
                    gradebook.db.remove()
                    gradebook.db.configure(
                        bind=connection,
                        join_transaction_mode="rollback_only",
                        autoflush=False,  # nbgrader's own way to add a submission warns of it
                        expire_on_commit=False,
                    )
                    yield gradebook
                    gradebook.db.commit()
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
        message = f"'{text}' is no address of a database. Write {EXAMPLES}."
        raise ExportError(message) from error
    kind = url.get_backend_name()
    if kind == "sqlite":
        _refuse_no_file(url)
    elif kind != "postgresql":
        message = f"A gradebook lies in SQLite or PostgreSQL, not in '{kind}'. Write {EXAMPLES}."
        raise ExportError(message)
    return url


def _refuse_no_file(url: URL) -> None:
    """SQLite would keep the one in memory, and say of the others that it is unable to open them."""
    if not url.database or url.database == ":memory:":
        message = "The gradebook's address names no file, so nothing would be kept. Write sqlite:///gradebook.db."
        raise ExportError(message)
    path = Path(url.database)
    for name in ("", "-journal", "-wal", "-shm"):
        refuse_links(path.with_name(path.name + name), path.parent)
    if path.is_dir():
        message = f"{path} is a folder. Name a file for the gradebook: sqlite:///{path / 'gradebook.db'}."
        raise ExportError(message)
    if not path.parent.is_dir():
        message = f"There is no folder {path.parent} for the gradebook. Make it, or name another place."
        raise ExportError(message)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        message = f"{path} cannot be written. Check who may write it, or name another place."
        raise ExportError(message)


def shown(url: str) -> str:
    """Write an address as a message may show it: without a password.  Raises ExportError where it is none."""
    return _without_secrets(_parse(url))


def _without_secrets(url: URL) -> str:
    return url.set(query={}).render_as_string(hide_password=True)


def _place(url: URL) -> str:
    """What a sentence on the gradebook calls it."""
    return str(url.database) if _on_sqlite(url) else _without_secrets(url)


def _on_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Turn what the database and nbgrader raise into a sentence."""
    from nbgrader.api import InvalidEntry
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    from tornado.log import app_log

    quiet, app_log.disabled = app_log.disabled, True  # nbgrader logs a traceback of each
    try:
        yield
    except (SQLAlchemyError, InvalidEntry) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        raise ExportError(_sentence(url, cause)) from error
    finally:
        app_log.disabled = quiet


def _sentence(url: URL, cause: BaseException) -> str:
    reason = " ".join(str(cause).split())[:MOST_OF_A_REASON]
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if code == LOCK_NOT_AVAILABLE or "database is locked" in reason:
        return (
            f"{_place(url)} is locked: another program has been writing to it for {WAIT_S:g} s. "
            "Wait until it has ended, then run the same command again."
        )
    if url.get_backend_name() == "postgresql":
        return (
            f"The gradebook {_place(url)} cannot be used ({reason}). "
            "Check the address and that the server runs; createdb makes a database."
        )
    return f"The gradebook {_place(url)} cannot be used ({reason}). Check the file and who may write it."


@contextmanager
def _engine(url: URL) -> Iterator[Engine]:
    """Connections on which a transaction that has begun may write, or waits no longer than ``WAIT_S`` to do so."""
    from sqlalchemy import create_engine, event

    on_sqlite = _on_sqlite(url)
    bounds = {"timeout": WAIT_S} if on_sqlite else {"connect_timeout": round(WAIT_S)}
    try:
        engine = create_engine(url, connect_args=bounds)
    except ModuleNotFoundError as error:
        message = (
            f"{_place(url)} needs the driver {error.name}, which is not installed. Install the extra "
            "dlkit-course[postgres] and write postgresql+psycopg://."
        )
        raise ExportError(message) from error
    if on_sqlite:  # the driver begins no transaction for CREATE TABLE, and takes the lock too late to wait for it
        event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _lock_sqlite if on_sqlite else _lock_postgresql)
    try:
        yield engine
    finally:
        engine.dispose()


def _leave_transactions_to_us(connection: Row, _record: object) -> None:
    connection.isolation_level = None


def _lock_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _lock_postgresql(connection: Connection) -> None:
    """One writer of ours at a time; nbgrader and its formgrader are not held up."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{round(1000 * WAIT_S)}ms'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('autograder gradebook'))")


def _is_empty(connection: Connection, url: URL) -> bool:
    """Whether the database holds no table yet.  ExportError where it holds anything but a gradebook of this layout."""
    from alembic.migration import MigrationContext
    from nbgrader.api import Base
    from sqlalchemy import inspect

    if url.get_backend_name() == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            message = (
                f"{_place(url)} is encoded in {encoding}, which cannot hold every name. "
                "Make it with createdb --encoding UTF8 --template template0."
            )
            raise ExportError(message)
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return True
    if not tables >= set(Base.metadata.tables):
        message = f"{_place(url)} holds tables, but not nbgrader's. Name a database for the gradebook alone."
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
    """Make nbgrader's tables and note their revision, as its Gradebook would, but in one transaction.

    Gradebook makes them in two and asks a command ``alembic`` on PATH for the revision: killed between, or without the
    command, it leaves a database without one, which it later takes for a very old one.
    """
    from alembic.migration import MigrationContext
    from nbgrader.api import Base

    Base.metadata.create_all(connection)
    migrations = _migrations()
    MigrationContext.configure(connection).stamp(migrations, migrations.get_current_head())
