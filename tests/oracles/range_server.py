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
        sent: bytes of files that were sent.
        requests: parts that were asked for.
        failures: status codes of the next answers, taken from the end; 0 cuts an answer short.
        ranges: whether parts are handed out.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.sent, self.requests = folder, 0, 0
        self.failures: list[int] = []
        self.ranges = True
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests += 1
        status = server.failures.pop() if server.failures else None
        path = server.folder / unquote(self.path).lstrip("/")
        if status or not path.is_file():
            return self.send_error(status or 404)
        data = path.read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted and server.ranges:
            begin, end = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
            data = data[begin:end]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{path.stat().st_mtime_ns}"')
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if status == 0 else data)
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
