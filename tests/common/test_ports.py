"""Ports are chosen long before they are used: two sites that start beside each other must not choose the same."""

import socket

from config.embedded.ports import HeldPort, free_port, is_free


def test_a_held_port_is_nobody_elses():
    first = HeldPort()
    second = HeldPort(first.number)
    assert second.number != first.number
    assert not is_free(first.number)
    assert free_port(first.number) != first.number
    first.release()
    third = HeldPort(first.number)
    assert third.number == first.number
    second.release()
    third.release()


def test_a_port_whose_connections_are_just_over_can_be_held():
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _address = server.accept()
    accepted.close()  # the server's side closes first and waits
    client.close()
    server.close()
    held = HeldPort(port)
    assert held.number == port
    held.release()
    socket.create_server(("127.0.0.1", port)).close()
