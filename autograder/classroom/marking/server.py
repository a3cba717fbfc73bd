"""The local server of the marking page: on 127.0.0.1 only, for whoever has the session's address.

Every address begins with a random token; a request must name this server as its host, and one that writes must come
from the page itself.  What cannot be done is answered with one sentence; a mark is confirmed when its file is written.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from autograder.classroom.marking.desk import Desk, RefusedError, Request
from autograder.classroom.marking.store import ChangedError
from autograder.course.catalogue import UsageError
from autograder.render.marking import marking_page, marking_policy
from autograder.report import ReportError
from autograder.writing import LinkedPathError

__all__ = ["MarkingServer", "open_server"]

HOST = "127.0.0.1"
MOST_BYTES = 64_000
"""Of a request's body: a comment has at most a thousand characters."""
PATIENCE_S = 30.0
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
OWN_HEADER = "X-Autograder-Mark"
"""A page of another origin cannot send it without asking first, and is refused then."""


class _Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    assignment: str
    name: str
    comment: str
    drop: bool = False


class MarkingServer(ThreadingHTTPServer):
    """Serves one session; ``address`` is what a browser opens."""

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.desk = desk
        self.token = secrets.token_urlsafe(24)

    @property
    def origin(self) -> str:
        """The page's origin."""
        return f"http://{HOST}:{self.server_port}"

    @property
    def address(self) -> str:
        """The page's address, with the token."""
        return f"{self.origin}/{self.token}/"


def open_server(desk: Desk, port: int = 0) -> MarkingServer:
    """Open the server; port: 0 for any that is free.  UsageError if the port cannot be used."""
    try:
        return MarkingServer(desk, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"Port {port} of {HOST} cannot be used ({reason}). Name another --port, or none."
        raise UsageError(message) from error


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: MarkingServer
    timeout = PATIENCE_S
    server_version, sys_version = "autograder", ""

    def do_GET(self) -> None:
        """The page, or what it shows."""
        self._answer(self._reading, writes=False)

    def do_POST(self) -> None:
        """What the page saves."""
        self._answer(self._writing, writes=True)

    def _answer(self, find: Callable[[str], object], *, writes: bool) -> None:
        path = self._path(writes=writes)
        if path is None:
            return
        try:
            found = find(path)
        except ChangedError as error:
            self._send_json(HTTPStatus.CONFLICT, {"message": str(error)})
        except (RefusedError, msgspec.DecodeError) as error:
            self._send_json(HTTPStatus.BAD_REQUEST, {"message": str(error)})
        except (ReportError, UsageError, LinkedPathError, OSError) as error:
            self._send_json(
                HTTPStatus.INTERNAL_SERVER_ERROR, {"message": f"Not saved: {error}" if writes else str(error)}
            )
        except _NotFoundError:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
        else:
            if isinstance(found, str):
                self._send(HTTPStatus.OK, "text/html; charset=utf-8", found.encode())
            else:
                self._send_json(HTTPStatus.OK, found)

    def _path(self, *, writes: bool) -> str | None:
        """The address below the token; None where the request was refused."""
        origin = self.server.origin
        token, _, path = urlsplit(self.path).path.removeprefix("/").partition("/")
        strange = path and self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
        if self.headers.get("Host", "") != origin.partition("//")[2]:
            sentence = "This server is asked for under another name."
        elif not hmac.compare_digest(token.encode(), self.server.token.encode()):
            sentence = "Use the address that autograder mark printed."
        elif strange or (writes and (self.headers.get("Origin") != origin or self.headers.get(OWN_HEADER) != "1")):
            sentence = "Another page sent this request."
        else:
            return path
        self._refuse(HTTPStatus.FORBIDDEN, sentence)
        return None

    def _reading(self, path: str) -> object:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        desk = self.server.desk
        match path:
            case "":
                return marking_page()
            case "overview":
                return desk.overview()
            case "answers":
                return desk.answers(asked.get("assignment", ""), asked.get("question", ""))
            case "students":
                return desk.students(asked.get("assignment", ""))
            case "exercises":
                return desk.exercises(asked.get("assignment", ""), asked.get("student", ""))
        raise _NotFoundError

    def _writing(self, path: str) -> object:
        body = self._body()
        match path:
            case "mark":
                return self.server.desk.save(msgspec.json.decode(body, type=Request))
            case "comment":
                kept = msgspec.json.decode(body, type=_Comment)
                return self.server.desk.keep_comment(kept.assignment, kept.name, kept.comment, drop=kept.drop)
        raise _NotFoundError

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or int(length) > MOST_BYTES:
            message = f"A request has at most {MOST_BYTES} bytes."
            raise RefusedError(message)
        return self.rfile.read(int(length))

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self._send(status, "text/plain; charset=utf-8", sentence.encode())

    def _send_json(self, status: HTTPStatus, content: object) -> None:
        self._send(status, "application/json", msgspec.json.encode(content))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content)), **HEADERS}
        for name, value in {**headers, "Content-Security-Policy": marking_policy()}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Requests are not printed: their addresses hold the token."""


class _NotFoundError(Exception):
    """There is nothing at this address."""
