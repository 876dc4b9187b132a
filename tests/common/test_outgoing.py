"""Posts to strangers' addresses reach the public Internet and nothing else."""

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import outgoing
from tests.support.receiver import receiving

PRIVATE = [
    "http://127.0.0.1/", "http://127.8.8.8:8080/x", "http://10.0.0.1/", "http://172.16.5.4/", "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/",
    "http://255.255.255.255/", "http://240.0.0.1/", "http://[::1]/", "http://[::]/", "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[fec0::1]/", "http://[ff02::1]/",
    "http://[::ffff:127.0.0.1]/", "http://[::ffff:10.0.0.1]/", "http://[::127.0.0.1]/", "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::1]/", "http://[2001:db8::1]/", "http://2130706433/",
    "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/", "http://192.0.2.1/", "http://198.18.0.1/",
]  # fmt: skip
ODD = [
    "", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org", "//example.org/", "http://", "http:///x",
    "http://user:secret@example.org/", "http://example.org:22/", "http://example.org:25/", "http://example.org:99999/",
    "http://exam ple.org/", "http://example.org/\r\nX: y", "http://[::1", "http://" + "a" * 3000,
]  # fmt: skip
FINE = [
    "https://example.org", "http://example.org:8080/a?b=c#d", "https://[2606:4700:4700::1111]/x", "https://1.1.1.1/",
    "https://例子.example/路", "http://[::ffff:1.1.1.1]/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE + ODD)
def test_these_addresses_are_refused(url):
    with pytest.raises(outgoing.AddressRefused):
        outgoing.check(url)


@pytest.mark.parametrize("url", FINE)
def test_these_addresses_are_fine(url):
    target = outgoing.check(url)
    assert target.path.isascii()
    assert target.host.isascii()


@given(st.text(max_size=60))
def test_odd_addresses_are_refused_and_never_break_anything(text):
    for url in (text, f"http://{text}/", f"https://example.org/{text}"):
        try:
            target = outgoing.check(url)
        except outgoing.AddressRefused:
            continue
        assert target.scheme in {"http", "https"}
        assert target.path.startswith("/")


@given(st.ip_addresses())
def test_an_ipv4_address_counts_the_same_inside_ipv6(address):
    def refused(host):
        try:
            outgoing.check(f"http://{host}/")
        except outgoing.AddressRefused:
            return True
        return False

    if address.version == 4:
        assert refused(address) == refused(f"[::ffff:{address}]")
        if not refused(address):
            assert address.is_global


def test_loopback_only_where_it_is_allowed():
    with receiving() as server:
        assert outgoing.post(server.url, b"{}", {"X-One": "1"}, seconds=5, loopback=True) == 200
        with pytest.raises(outgoing.AddressRefused):
            outgoing.post(server.url, b"{}", {}, seconds=5)
        with pytest.raises(outgoing.AddressRefused):
            outgoing.check("http://10.0.0.1/", loopback=True)
        assert len(server.posted) == 1
        assert server.posted[0].headers["Host"] == f"127.0.0.1:{server.server_port}"
        assert server.posted[0].headers["X-One"] == "1"


def test_a_name_with_one_private_address_is_refused_before_anything_connects(monkeypatch):
    with receiving() as server:
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("1.1.1.1", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: answers)
        with pytest.raises(outgoing.AddressRefused):
            outgoing.post(f"http://rebind.example:{server.server_port}/", b"{}", {}, seconds=5)
        assert server.posted == []


def test_a_name_is_looked_up_once_and_the_connection_goes_where_was_looked(monkeypatch):
    """The second answer of a name that changes its mind is never asked for."""
    with receiving() as server:
        port = server.server_port
        asked = []

        def answer(host, *args, **more):
            if host == "rebind.example":
                asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        assert outgoing.post(f"http://rebind.example:{port}/", b"{}", {}, seconds=5, loopback=True) == 200
        assert asked == ["rebind.example"]
        assert server.posted[0].headers["Host"] == f"rebind.example:{port}"


def test_redirects_are_answers_and_nothing_more():
    with receiving() as first, receiving() as second:
        first.answers, first.location = [302], second.url
        assert outgoing.post(first.url, b"{}", {}, seconds=5, loopback=True) == 302
        assert second.posted == []


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_a_server_that_drips_is_cut_off(drip):
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        connection, _address = listener.accept()
        with connection:
            try:
                connection.sendall(drip)
                while not done.wait(0.05):
                    connection.sendall(b"x")
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        with pytest.raises(outgoing.NoAnswer):
            outgoing.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"{}", {}, seconds=0.5, loopback=True)
    finally:
        done.set()
        thread.join()
        listener.close()


def test_nobody_there_and_no_such_name():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/", "http://name.invalid/"):
        with pytest.raises(outgoing.NoAnswer):
            outgoing.post(url, b"{}", {}, seconds=3, loopback=True)
