// TCP sockets, for the parts of the stack that use them. Everything here is under the kernel's lock.
#pragma once

#include "packets.hpp"

namespace postrider::hosted {

constexpr ULONG ipv4_header = 20;
constexpr ULONG ipv6_header = 40;
constexpr ULONG tcp_header = 20;

/// Octets of headers in front of a packet's data on the socket's connection, link layer included.
ULONG header_room(const NX_TCP_SOCKET& socket);

/// The connection is gone: closes the descriptor, frees what was not acknowledged, wakes everybody. Received
/// data stays readable.
void lose(guard& held, NX_TCP_SOCKET& socket);
/// The same, and the peer is told by a reset.
void reset(guard& held, NX_TCP_SOCKET& socket);

/// Gives back packets whose data the peer has acknowledged.
void reap_acknowledged(guard& held, NX_TCP_SOCKET& socket);

/// The kernel says the connection stands.
void become_established(NX_TCP_SOCKET& socket);

// The IP instance's own thread. It moves received data into packets, notices what the peer does, and makes
// the call-backs.
void start_link(NX_IP& ip);
void wake_link(NX_IP& ip);
void stop_link(guard& held, NX_IP& ip);
/// Waits until no call-back for the socket is under way, unless that is the caller.
void await_callbacks(guard& held, NX_TCP_SOCKET& socket);

// Without the lock, for TLS: the services' work without their frame.
UINT tcp_send(NX_TCP_SOCKET& socket, NX_PACKET& packet, ULONG wait_option);
UINT tcp_receive(NX_TCP_SOCKET& socket, NX_PACKET*& packet, ULONG wait_option);

} // namespace postrider::hosted
