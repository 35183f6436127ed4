"""A web server that hands out parts of files, counts what it sent, and fails when told to."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


class RangeServer(ThreadingHTTPServer):
    """Serves a folder.

    Attributes:
        files: further contents by name.
        tags: the ETag of some of them.
        sent: bytes of files that were sent.
        loads: name and range of all that was asked for.
        failures: status codes of the next answers, taken from the end; 0 cuts an answer short.
        torn: names of which the next answer is cut short.
        ranges: whether parts are handed out.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.sent, self.ranges = folder, 0, True
        self.files: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.loads: list[tuple[str, str]] = []
        self.failures: list[int] = []
        self.torn: set[str] = set()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def version_string(self):
        return "AmazonS3"

    def do_HEAD(self):
        self._reply(with_body=False)

    def do_GET(self):
        self._reply(with_body=True)

    def _reply(self, with_body):
        server, name = self.server, unquote(self.path).lstrip("/")
        asked, status = self.headers.get("Range", ""), None
        if with_body:
            server.loads.append((name, asked))
            status = server.failures.pop() if server.failures else None
        path, data, tag = server.folder / name, server.files.get(name), server.tags.get(name)
        if data is None and path.is_file():
            data, tag = path.read_bytes(), path.stat().st_mtime_ns
        if status or data is None:
            return self.send_error(status or 404)
        wanted, whole = re.fullmatch(r"bytes=(\d+)-(\d*)", asked), len(data)
        if wanted and server.ranges:
            begin, end = int(wanted[1]), min(int(wanted[2] or whole) + 1, whole)
            self.send_response(206 if begin < whole else 416)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{whole}")
            data = data[begin:end]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        if tag:
            self.send_header("ETag", f'"{tag}"')
        self.end_headers()
        if with_body:
            cut = status == 0 or name in server.torn
            server.torn.discard(name)
            self.wfile.write(data[: len(data) // 2] if cut else data)
            server.sent += len(data)

    def log_message(self, *_):
        pass


@contextmanager
def serving(folder: Path):
    """Yield a :class:`RangeServer` of a folder."""
    server = RangeServer(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
