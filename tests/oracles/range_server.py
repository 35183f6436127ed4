"""A web server that hands out parts of files, counts what it sent, and fails when told to."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


class RangeServer(ThreadingHTTPServer):
    """Serves a folder, or files of its own.

    Attributes:
        files: content by name.
        tags: ETag by name; else that of a file is the time of its last change.
        sent: bytes of files that were sent.
        requests: parts that were asked for.
        loads: name and range of each of them.
        failures: status codes of the next answers, taken from the end; 0 cuts an answer short.
        torn: names of files whose next answer is cut short.
        ranges: whether parts are handed out.
    """

    daemon_threads = True

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.files, self.tags = folder, {}, {}
        self.sent, self.requests, self.loads = 0, 0, []
        self.failures: list[int] = []
        self.torn: set[str] = set()
        self.ranges = True
        self.url = f"http://127.0.0.1:{self.server_port}"

    def find(self, name: str) -> tuple[bytes | None, str]:
        """Return content and ETag of a file."""
        if self.folder is None or not (self.folder / name).is_file():
            return self.files.get(name), self.tags.get(name, "")
        path = self.folder / name
        return path.read_bytes(), str(path.stat().st_mtime_ns)


class _Handler(BaseHTTPRequestHandler):
    def version_string(self):
        return "AmazonS3"

    def do_HEAD(self):
        self.begin(unquote(self.path).strip("/"), None, "")

    def do_GET(self):
        server, name = self.server, unquote(self.path).strip("/")
        asked = self.headers.get("Range", "")
        server.requests += 1
        server.loads.append((name, asked))
        status = server.failures.pop() if server.failures else None
        data = self.begin(name, status, asked)
        if data is not None:
            is_torn = status == 0 or name in server.torn
            server.torn.discard(name)
            self.wfile.write(data[: len(data) // 2] if is_torn else data)
            server.sent += len(data)

    def begin(self, name, status, asked) -> bytes | None:
        """Send the head of an answer and return its body, if there is one."""
        data, tag = self.server.find(name)
        if status or data is None:
            self.send_error(status or 404)
            return None
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
        if wanted and self.server.ranges:
            begin, end = int(wanted[1]), min(int(wanted[2] or len(data)) + 1, len(data))
            self.send_response(206 if begin < len(data) else 416)
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
            data = data[begin:end]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        if tag:
            self.send_header("ETag", f'"{tag}"')
        self.end_headers()
        return data

    def log_message(self, *_):
        pass


@contextmanager
def serving(folder: Path | None = None):
    """Yield a :class:`RangeServer`, of a folder where one is given."""
    server = RangeServer(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
