"""The door: who may come in, what may be asked, and that slow, many or malformed clients hold nobody up."""

import http.client
import io
import json
import socket
import threading
import time
from urllib.parse import urlencode, urlsplit

import pytest
from PIL import Image

from convscope.errors import PageError
from convscope.look import server as door
from convscope.look.climbing import Climbing
from convscope.look.desk import Desk
from convscope.look.gallery import MOST_DROPPED
from convscope.look.keeping import Keeper

pytestmark = pytest.mark.once
IMAGE = "sample:fashion[3]"


class Client:
    """A client of a page."""

    def __init__(self, address, live):
        self.live = live
        self.host, self.path = urlsplit(address).netloc, urlsplit(address).path
        self.port = int(self.host.rpartition(":")[2])

    def ask(self, path="", method="GET", body=None, headers=None, **query):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            words = f"?{urlencode(query, doseq=True)}" if query else ""
            connection.request(method, f"{self.path}{path}{words}", body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def json(self, path, **query):
        status, body, _ = self.ask(path, **query)
        return status, json.loads(body)

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.port), timeout=120) as connection:
            connection.sendall(data)
            return connection.recv(100)


@pytest.fixture(scope="module")
def page(sight, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    live = door.Live(sight, Desk(), Climbing(sight), Keeper(sight, out, "fashion", {}, script=out / "look.convscope"))
    server = door.LiveServer(live)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Client(server.address, live)
    server.stop()
    thread.join(60)
    assert not thread.is_alive()


def picture():
    file = io.BytesIO()
    Image.new("L", (30, 30), 90).save(file, "PNG")
    return file.getvalue()


def test_the_page_has_its_files_and_a_policy(page):
    status, body, headers = page.ask()
    assert status == 200 and b"site/look.js" in body and headers["content-type"].startswith("text/html")
    assert "connect-src 'self'" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
    for link in ("site/kit.js", "site/look.js", "site/look.css", "site/tokens.css"):
        assert link.encode() in body and page.ask(link)[0] == 200
    assert page.json("start")[1]["model"]["name"] == "fashion"


def test_whoever_has_no_token_gets_nothing(page):
    for path in ("", "/", "/start", "/x/start", page.path[:-2] + "/start", page.path.upper() + "start"):
        connection = http.client.HTTPConnection("127.0.0.1", page.port)
        connection.request("GET", path or "/")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (404, b"404 Not Found\n"), path
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_another_origin_is_turned_away(page, headers):
    assert page.ask("start", headers=headers)[0] == 403
    assert page.ask("script", "POST", headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"})[0] == 403


def test_the_page_itself_may_ask(page):
    own = {"Origin": f"http://{page.host}", "Sec-Fetch-Site": "same-origin"}
    assert page.ask("start", headers=own)[0] == 200
    assert page.ask("", headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"})[0] == 200
    assert page.ask("start", headers={"Host": f"localhost:{page.port}"})[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "site/../../server.py",
        "site/%00",
        "C:\\Windows",
        "site/",
        "%ff",
        "index.html/",
    ],
)
def test_no_path_is_opened(page, path):
    assert page.ask(path)[0] == 404


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("image", {}),
        ("image", {"image": "/etc/passwd"}),
        ("image", {"image": "x" * 2000}),
        ("image", {"image": "sample:fashion[99999]"}),
        ("wall", {"image": IMAGE, "layer": "<script>"}),
        ("unit", {"image": IMAGE, "unit": "block2_conv2:999"}),
        ("unit", {"image": IMAGE, "unit": "block2_conv2:1@2"}),
        ("projection", {"image": IMAGE, "unit": "block2_conv2:1", "way": "sideways"}),
        ("projection", {"unit": "block2_conv2:1"}),
        ("tops", {"unit": "block2_conv2:1"}),
        ("start", {"tab": "../x"}),
        ("start", {"tab": "a" * 100}),
        ("command", {"kind": "rm -rf", "unit": "block2_conv2:1"}),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(page, path, query):
    status, told = page.json(path, **query)
    assert status == 400 and told["error"][0].isupper() | (told["error"][0] == "`") and "fault" not in told["error"], told


def test_methods_that_are_not_meant_are_refused(page):
    assert page.ask("start", "POST")[0] == 405
    assert page.ask("save")[0] in (404, 405) and page.ask("", "DELETE")[0] == 405


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xff\x00\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000,
    ],
)
def test_malformed_requests_are_400_and_nothing_else(page, data):
    assert page.raw(data)[:12] in (b"HTTP/1.1 400", b"")
    assert page.ask("start")[0] == 200


def test_two_hosts_are_none(page):
    said = page.raw(f"GET {page.path}start HTTP/1.1\r\nHost: {page.host}\r\nHost: evil\r\n\r\n".encode())
    assert said[:12] in (b"HTTP/1.1 403", b"HTTP/1.1 400")


def test_a_picture_is_dropped_and_looked_at(page):
    status, body, _ = page.ask("drop", "POST", picture(), name="<b>../../x.png")
    assert status == 200
    name = json.loads(body)["image"]
    status, told = page.json("image", image=name)
    assert status == 200 and told["title"] == "<b>../../x.png" and len(told["layers"]) == 5


def test_what_is_dropped_is_bounded_and_decoded_at_the_images_door(page):
    assert page.ask("drop", "POST", b"not a picture")[0] == 400
    assert page.ask("drop", "POST", b"", headers={"Content-Length": str(MOST_DROPPED + 1)})[0] == 413

    def endless():
        for _ in range(MOST_DROPPED // 2**20 + 2):
            yield bytes(2**20)

    with pytest.raises((http.client.HTTPException, OSError, AssertionError)):  # it is answered, or cut off, before all has come
        assert page.ask("drop", "POST", endless())[0] == 200
    assert page.ask("start")[0] == 200


def test_two_hundred_connections_do_not_hold_up_a_reader(page, monkeypatch):
    monkeypatch.setattr(door, "HEAD_TIME", 1.0)
    slow = [socket.create_connection(("127.0.0.1", page.port), timeout=60) for _ in range(200)]
    try:
        for number, one in enumerate(slow):
            one.sendall(b"GET / HTTP/1.1\r\nHost: x" if number % 2 else b"")
        begun = time.monotonic()
        assert page.json("image", image=IMAGE)[0] == 200
        assert time.monotonic() - begun < 30  # the machine may be slow; the silent ones would hold a reader up for good
        for one in slow[-3:]:
            one.settimeout(60)
            assert one.recv(1) == b""  # it was cut off
    finally:
        for one in slow:
            one.close()


def test_a_body_that_does_not_come_is_not_waited_for(page, monkeypatch):
    monkeypatch.setattr(door, "BODY_TIME", 0.3)
    said = page.raw(f"POST {page.path}drop HTTP/1.1\r\nHost: {page.host}\r\nContent-Length: 100\r\n\r\nabc".encode())
    assert said[:12] == b"HTTP/1.1 408"


def test_a_climb_is_told_step_by_step_and_ends_when_nobody_reads(page):
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=120)
    connection.request("GET", f"{page.path}climb?unit=block3_conv1:5&tab=climber")
    answer = connection.getresponse()
    assert answer.getheader("content-type").startswith("text/event-stream")
    first = json.loads(answer.readline().removeprefix(b"data: "))
    assert first["step"] >= 1 and len(page.live.desk) == 1
    assert page.json("image", image=IMAGE)[0] == 200  # the network answers others meanwhile
    answer.close()
    connection.close()
    until = time.monotonic() + 90
    while len(page.live.desk) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(page.live.desk) == 0


def test_a_port_that_is_taken_is_said(page):
    with pytest.raises(PageError, match="Choose another"):
        door.LiveServer(page.live, page.port)


def test_many_readers_at_once_are_all_answered_or_told_of_newer_ones(page):
    found = []

    def read(number):
        found.append(page.json("unit", image=IMAGE, unit=f"block2_conv2:{number % 64}", tab=f"t{number % 7}")[0])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    assert len(found) == 60 and set(found) <= {200, 409} and 200 in found
