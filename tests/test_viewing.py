"""The local server, asked by real sockets."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from convscope.errors import PageError
from convscope.render.pages import write_index
from convscope.viewing import HEADERS, check_page, open_server


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "page" / "data").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    page = tmp_path / "page"
    (page / "index.html").write_text("<!doctype html>hello")
    (page / "manifest.json").write_text(json.dumps({"kind": "imagemap", "schema": 1}))
    (page / "data" / "a b.js").write_bytes(b"map.take()")
    (page / ".hidden").write_text("hidden")
    return page


@pytest.fixture
def server(folder):
    with open_server(folder) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(server, path, method="GET", body=None, **headers):
    """Return status, headers and body of one answer; the path is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def test_files_of_the_folder_are_served_with_types_and_lengths(server):
    status, headers, body = ask(server, "/")
    assert (status, body) == (200, b"<!doctype html>hello") and headers["Content-Type"].startswith("text/html")
    status, headers, body = ask(server, "/data/a%20b.js?x=1")
    assert (status, body) == (200, b"map.take()") and headers["Content-Type"].startswith("text/javascript")
    assert headers.items() >= HEADERS.items() and headers["Content-Length"] == "10"


def test_head_has_the_same_headers_and_no_body(server):
    status, headers, body = ask(server, "/index.html", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "20")
    assert ask(server, "/nothing", "HEAD")[::2] == (404, b"")


def test_only_this_machine_can_connect(server):
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "PROPFIND"])
def test_other_methods_are_refused(server, method):
    status, headers, _ = ask(server, "/", method, b"x=1")
    assert status == 405 and headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "", "[::1]:{port}", "127.0.0.1:{port}@x"]
)
def test_other_host_names_are_refused(server, host):
    assert ask(server, "/", Host=host.format(port=server.server_port))[0] == 403


def test_no_host_and_two_hosts_are_refused(server):
    for lines in (b"", b"Host: localhost:%d\r\nHost: evil\r\n" % server.server_port):
        with socket.create_connection(server.server_address[:2], timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")
            assert b" 403 " in connection.recv(4096)


def test_localhost_is_this_machine(server):
    assert ask(server, "/", Host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/data/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/data/..%5c..%5csecret.txt",
        "//secret.txt/..",
        "/.hidden",
        "/data/%00",
        "/link.txt",
        "/folder/secret.txt",
        "/data",
        "/data/",
        "/nothing",
        "/C:/secret.txt",
        "secret.txt",
        "*",
    ],
)
def test_nothing_outside_the_folder_and_no_listing(server, folder, path):
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "folder").symlink_to(folder.parent)
    status, _, body = ask(server, path)
    assert status == 404 and b"secret" not in body and b"a b.js" not in body


def test_a_link_inside_the_folder_is_followed(server, folder):
    (folder / "again.html").symlink_to("index.html")
    assert ask(server, "/again.html")[2] == b"<!doctype html>hello"


def test_an_index_that_leads_out_is_not_served(server, folder):
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(folder.parent / "secret.txt")
    assert ask(server, "/")[0] == 404


def test_one_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    for _ in range(3):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"<!doctype html>hello"
    connection.close()


def test_the_folder_around_the_page_is_understood(folder):
    with open_server(folder.parent) as found:
        assert found.RequestHandlerClass.served == folder.resolve()


def test_a_folder_without_a_page_is_refused(folder):
    with pytest.raises(PageError, match=r"No folder .*`save_page`"):
        open_server(folder / "nothing")
    with pytest.raises(PageError, match="is not a page"):
        open_server(folder / "data")
    (folder / "manifest.json").write_text(json.dumps({"kind": "imagemap", "schema": 2}))
    with pytest.raises(PageError, match="newer convscope"):
        open_server(folder)
    (folder / "manifest.json").write_text(json.dumps({"kind": "scan", "schema": 1}))
    with pytest.raises(PageError, match="not hold a map of images"):
        open_server(folder)


def test_every_page_of_the_kit_is_shown(tmp_path):
    """A page of pictures has no manifest, or one of a job that made them; what another program wrote is refused."""
    write_index(tmp_path, "Pictures", [])
    assert check_page(tmp_path) == tmp_path
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "job", "schema": 1}))
    assert check_page(tmp_path) == tmp_path
    (tmp_path / "index.html").write_text("<!doctype html><meta name=generator content=other>")
    with pytest.raises(PageError, match="not hold a map of images"):
        check_page(tmp_path)


def test_a_port_that_is_taken_is_said(server, folder):
    with pytest.raises(PageError, match=f"port {server.server_port}.*`port`"):
        open_server(folder, server.server_port)


def test_the_command_serves_until_it_is_interrupted(folder):
    command = [sys.executable, "-m", "convscope", "view", str(folder), "--no-open"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        address = process.stdout.readline().split()[0]
        port = int(address.rstrip("/").rsplit(":", 1)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"<!doctype html>hello"
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""
