"""Applications in pods: Debian's Apache and nginx with a configuration of their own, and small servers in threads.

All listen on IPv4 and IPv6. The small servers live in the test's own process, on sockets made in the pod's namespace.
"""
from __future__ import annotations

import hashlib
import http.server
import json
import re
import socket
import socketserver
import threading
from pathlib import Path

from .network import Netns
from .processes import Process, eventually

_APACHE = """\
ServerRoot {folder}
PidFile {folder}/apache.pid
ServerName {name}
Listen [::]:{port}
{modules}
User www-data
Group www-data
StartServers 1
ThreadsPerChild 25
MaxKeepAliveRequests 0
KeepAliveTimeout 60
DocumentRoot {folder}/htdocs
DirectoryIndex index.html
TypesConfig /etc/mime.types
ErrorLog {folder}/error.log
LogFormat "%h:%{{remote}}p %m %U %>s" client
CustomLog {folder}/access.log client
<Directory {folder}/htdocs>
  Require all granted
</Directory>
"""
_APACHE_MODULES = ("mpm_event", "authz_core", "dir", "mime")

_NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log combined; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen [::]:{port} ipv6only=off; root {folder}/htdocs; }}
}}
"""


class _WebServer:
    """A real web server that serves files; `pages`: path -> content."""

    def __init__(self, pod: Netns, folder: Path, port: int, pages: dict[str, bytes]):
        self.folder, self.port = folder, port
        # Apache's workers are www-data: every folder on the way down must let them pass.
        (folder / "htdocs").mkdir(parents=True)
        folder.chmod(0o755)
        for path, content in pages.items():
            (folder / "htdocs" / path.lstrip("/")).write_bytes(content)
        self.process = Process(self._command(pod), folder / "output.log", pod.path)
        eventually(f"{self.process.what} to listen in {pod.name}", lambda: self._listens(pod))

    def _command(self, pod: Netns) -> list[object]:
        raise NotImplementedError

    def _listens(self, pod: Netns) -> bool:
        assert self.process.alive(), f"{self.process.what} has ended: {self.process.text()}"
        try:
            pod.dial("127.0.0.1", self.port).close()
            return True
        except ConnectionRefusedError:
            return False

    def access_log(self) -> list[str]:
        return (self.folder / "access.log").read_text().splitlines()

    def close(self) -> None:
        self.process.stop()


class Apache(_WebServer):
    """Access log lines are "CLIENT:PORT METHOD PATH STATUS", the client as Apache sees its peer."""

    def _command(self, pod: Netns) -> list[object]:
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in _APACHE_MODULES)
        (self.folder / "apache.conf").write_text(
            _APACHE.format(folder=self.folder, port=self.port, name=pod.name, modules=modules))
        return ["/usr/sbin/apache2", "-f", self.folder / "apache.conf", "-DFOREGROUND"]

    def clients(self, path: str, at_least: int = 1) -> list[str]:
        """CLIENT:PORT of every request for `path`, in order. Waits for the log, which comes after the answer."""
        def found():
            lines = [line.split() for line in self.access_log()]
            clients = [line[0] for line in lines if line[2] == path]
            return clients if len(clients) >= at_least else None
        return eventually(f"{at_least} requests for {path} in Apache's access log", found)


class Nginx(_WebServer):
    def _command(self, pod: Netns) -> list[object]:
        (self.folder / "nginx.conf").write_text(_NGINX.format(folder=self.folder, port=self.port))
        return ["/usr/sbin/nginx", "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"]


class _Threads(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, listener: socket.socket, handler: type):
        socketserver.BaseServer.__init__(self, listener.getsockname(), handler)
        self.socket = listener

    def handle_error(self, request, client_address) -> None:
        """A client that goes away is no event here."""


class _Server:
    """A server in a thread, on a socket of the pod."""

    def __init__(self, pod: Netns, name: str, port: int, handler: type, address: str = "::", protocol: int = 0):
        self.name, self.port = name, port
        self._server = _Threads(pod.listen(port, address, protocol), handler)
        self._server.app = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _HttpHandler(http.server.BaseHTTPRequestHandler):
    """Answers with what it saw, as JSON. /status/N: that status. /bytes/N: N bytes of a fixed pattern. /reset: closes."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        app = self.server.app
        body = b""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        elif length := self.headers.get("Content-Length"):
            body = self.rfile.read(int(length))
        # str(): an IPv4 client of a dual-stack listener reads ::ffff:a.b.c.d, which is told as it is.
        app.requests.append((self.command, self.path, dict(self.headers)))
        if self.path == "/reset":
            self.close_connection = True
            return
        status = int(found[1]) if (found := re.match(r"/status/(\d+)", self.path)) else 200
        if found := re.match(r"/bytes/(\d+)", self.path):
            content, kind = pattern(int(found[1])), "application/octet-stream"
        else:
            content, kind = json.dumps({
                "pod": app.name, "method": self.command, "path": self.path, "headers": dict(self.headers),
                "client": self.client_address[0].removeprefix("::ffff:"), "port": self.client_address[1],
                "body_size": len(body), "body_sha256": hashlib.sha256(body).hexdigest()}).encode(), "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = _answer

    def log_message(self, *_: object) -> None:
        pass


class Echo(_Server):
    """HTTP: see _HttpHandler. `requests`: (method, path, headers) of each, in order."""

    def __init__(self, pod: Netns, name: str, port: int, address: str = "::", protocol: int = 0):
        self.requests: list[tuple[str, str, dict]] = []
        super().__init__(pod, name, port, _HttpHandler, address, protocol)


class _TcpHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        app = self.server.app
        app.peers.append(self.request.getpeername()[:2])
        self.request.sendall(f"{app.name}\n".encode())
        while piece := self.request.recv(65536):
            self.request.sendall(piece)


class TcpEcho(_Server):
    """Sends its name and a line feed, then every byte back. `peers`: getpeername() of each connection, in order."""

    def __init__(self, pod: Netns, name: str, port: int, address: str = "::", protocol: int = 0):
        self.peers: list[tuple[str, int]] = []
        super().__init__(pod, name, port, _TcpHandler, address, protocol)


class UdpEcho:
    """Sends each datagram back, its name in front."""

    def __init__(self, pod: Netns, name: str, port: int):
        self._socket = pod.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._socket.bind(("::", port))
        self._socket.settimeout(0.2)
        self._name, self._open = name, True
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        while self._open:
            try:
                payload, peer = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            self._socket.sendto(self._name.encode() + b" " + payload, peer)

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()


def pattern(size: int) -> bytes:
    """`size` bytes in which no two places look alike for long: lost, doubled or moved pieces change the checksum."""
    return b"".join(b"%015d\n" % place for place in range(size // 16 + 1))[:size]
