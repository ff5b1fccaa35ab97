// TCP client sockets over the kernel's.
//
// A sent packet stays the socket's until the peer acknowledged its data (SIOCOUTQ tells), so a pool empties
// under a slow peer as it does on a device. A received packet comes from the instance's default pool.
#include "sockets.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace postrider::hosted {

namespace {

enum : UINT { unbound, bound, waiting_for_port };

union any_address {
    sockaddr common;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

bool carries_data(UINT state) {
    return state == NX_TCP_ESTABLISHED || state == NX_TCP_CLOSE_WAIT;
}

NX_PACKET* pop_received(NX_TCP_SOCKET& socket) {
    auto* packet = socket.nx_tcp_socket_receive_queue_head;
    if (packet == nullptr)
        return nullptr;
    socket.nx_tcp_socket_receive_queue_head = packet->nx_packet_queue_next;
    if (socket.nx_tcp_socket_receive_queue_head == nullptr)
        socket.nx_tcp_socket_receive_queue_tail = nullptr;
    packet->nx_packet_queue_next = nullptr;
    --socket.nx_tcp_socket_receive_queue_count;
    socket.nx_tcp_socket_receive_queue_bytes -= packet->nx_packet_length;
    wake_link(*socket.nx_tcp_socket_ip_ptr);
    return packet;
}

void flush_received(guard& held, NX_TCP_SOCKET& socket) {
    while (auto* packet = pop_received(socket))
        give_packet_back(held, packet);
}

void pop_sent(guard& held, NX_TCP_SOCKET& socket) {
    auto* packet = socket.nx_tcp_socket_transmit_sent_head;
    socket.nx_tcp_socket_transmit_sent_head = packet->nx_packet_queue_next;
    if (socket.nx_tcp_socket_transmit_sent_head == nullptr)
        socket.nx_tcp_socket_transmit_sent_tail = nullptr;
    packet->nx_packet_queue_next = nullptr;
    --socket.nx_tcp_socket_transmit_sent_count;
    mark_allocated(*packet);
    give_packet_back(held, packet);
}

void flush_sent(guard& held, NX_TCP_SOCKET& socket) {
    while (socket.nx_tcp_socket_transmit_sent_head != nullptr)
        pop_sent(held, socket);
}

void queue_sent(NX_TCP_SOCKET& socket, NX_PACKET& packet) {
    mark_owned(packet);
    packet.nx_packet_queue_next = nullptr;
    packet.nx_packet_hosted_sequence = socket.nx_tcp_socket_hosted_written;
    if (socket.nx_tcp_socket_transmit_sent_tail != nullptr)
        socket.nx_tcp_socket_transmit_sent_tail->nx_packet_queue_next = &packet;
    else
        socket.nx_tcp_socket_transmit_sent_head = &packet;
    socket.nx_tcp_socket_transmit_sent_tail = &packet;
    ++socket.nx_tcp_socket_transmit_sent_count;
    ++socket.nx_tcp_socket_packets_sent;
    socket.nx_tcp_socket_bytes_sent += packet.nx_packet_length;
    ++socket.nx_tcp_socket_ip_ptr->nx_ip_total_packets_sent;
    socket.nx_tcp_socket_ip_ptr->nx_ip_total_bytes_sent += packet.nx_packet_length;
}

#ifndef NX_DISABLE_IPV4
socklen_t to_kernel_v4(const NXD_ADDRESS& address, UINT port, any_address& out) {
    out.v4 = {};
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(static_cast<std::uint16_t>(port));
    out.v4.sin_addr.s_addr = htonl(address.nxd_ip_address.v4);
    return sizeof out.v4;
}
void set_v4(NXD_ADDRESS& address, ULONG v4) {
    address = {};
    address.nxd_ip_version = NX_IP_VERSION_V4;
    address.nxd_ip_address.v4 = v4;
}
ULONG v4_of(const NXD_ADDRESS& address) {
    return address.nxd_ip_address.v4;
}
constexpr bool has_v4 = true;
#else
socklen_t to_kernel_v4(const NXD_ADDRESS& /*address*/, UINT /*port*/, any_address& /*out*/) {
    return 0;
}
void set_v4(NXD_ADDRESS& address, ULONG /*v4*/) {
    address = {};
}
ULONG v4_of(const NXD_ADDRESS& /*address*/) {
    return 0;
}
constexpr bool has_v4 = false;
#endif

#ifdef FEATURE_NX_IPV6
socklen_t to_kernel_v6(const NXD_ADDRESS& address, UINT port, any_address& out) {
    out.v6 = {};
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    for (std::size_t i = 0; i < 4; ++i) {
        const std::uint32_t word = htonl(address.nxd_ip_address.v6[i]);
        std::memcpy(out.v6.sin6_addr.s6_addr + i * sizeof word, &word, sizeof word);
    }
    return sizeof out.v6;
}
bool same_v6(const NXD_ADDRESS& a, const NXD_ADDRESS& b) {
    return std::memcmp(a.nxd_ip_address.v6, b.nxd_ip_address.v6, sizeof a.nxd_ip_address.v6) == 0;
}
NXD_ADDRESS loopback_v6() {
    NXD_ADDRESS address{};
    address.nxd_ip_version = NX_IP_VERSION_V6;
    address.nxd_ip_address.v6[3] = 1;
    return address;
}
UINT v6_usable(const NX_IP& ip, const NXD_ADDRESS& to) {
    if (ip.nx_ip_ipv6_enabled == NX_FALSE)
        return NX_NOT_SUPPORTED;
    if (same_v6(to, loopback_v6()))
        return NX_SUCCESS;
    for (const auto& own : ip.nx_ipv6_address) {
        if (own.nxd_ipv6_address_valid != 0)
            return NX_SUCCESS;
    }
    return NX_NO_INTERFACE_ADDRESS;
}
#else
socklen_t to_kernel_v6(const NXD_ADDRESS& /*address*/, UINT /*port*/, any_address& /*out*/) {
    return 0;
}
bool same_v6(const NXD_ADDRESS& /*a*/, const NXD_ADDRESS& /*b*/) {
    return false;
}
NXD_ADDRESS loopback_v6() {
    return {};
}
UINT v6_usable(const NX_IP& /*ip*/, const NXD_ADDRESS& /*to*/) {
    return NX_IP_ADDRESS_ERROR;
}
#endif

bool is_v4(const NXD_ADDRESS& address) {
    return address.nxd_ip_version == NX_IP_VERSION_V4;
}

bool same_address(const NXD_ADDRESS& a, const NXD_ADDRESS& b) {
    if (a.nxd_ip_version != b.nxd_ip_version)
        return false;
    return is_v4(a) ? v4_of(a) == v4_of(b) : same_v6(a, b);
}

bool is_loopback(const NXD_ADDRESS& address) {
    constexpr ULONG first_octet = 0xFF000000;
    return is_v4(address) ? (v4_of(address) & first_octet) == NX_IP_LOOPBACK_FIRST
                          : same_v6(address, loopback_v6());
}

UINT usable(const NX_IP& ip, const NXD_ADDRESS& address) {
    if (is_v4(address))
        return has_v4 ? NX_SUCCESS : NX_IP_ADDRESS_ERROR;
    return v6_usable(ip, address);
}

void apply_redirect(NXD_ADDRESS& address, UINT& port) {
    const redirect* chosen = nullptr;
    std::size_t newest = 0;
    for (const auto& [number, rule] : kernel().set.redirects) {
        const bool fits = (rule.any_address || same_address(rule.address, address)) &&
                          (rule.port == 0 || rule.port == port);
        if (fits && (chosen == nullptr || number > newest)) {
            chosen = &rule;
            newest = number;
        }
    }
    if (chosen == nullptr)
        return;
    port = chosen->to_port;
    if (is_v4(address))
        set_v4(address, IP_ADDRESS(127, 0, 0, 1));
    else
        address = loopback_v6();
}

void set_option(int fd, int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof value);
}

int open_descriptor(const NX_TCP_SOCKET& socket, int family) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (kernel().set.send_limit != 0)
        set_option(fd, SOL_SOCKET, SO_SNDBUF, static_cast<int>(kernel().set.send_limit));
    if (socket.nx_tcp_socket_hosted_any_port != 0)
        return fd;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    any_address local{};
    local.common.sa_family = static_cast<sa_family_t>(family);
    (family == AF_INET ? local.v4.sin_port : local.v6.sin6_port) =
        htons(static_cast<std::uint16_t>(socket.nx_tcp_socket_port));
    if (::bind(fd, &local.common, family == AF_INET ? sizeof local.v4 : sizeof local.v6) == 0)
        return fd;
    close(fd);
    return -1;
}

void forget_connection(NX_TCP_SOCKET& socket, const NXD_ADDRESS& peer, UINT port) {
    socket.nx_tcp_socket_connect_ip = peer;
    socket.nx_tcp_socket_connect_port = port;
    socket.nx_tcp_socket_packets_sent = 0;
    socket.nx_tcp_socket_bytes_sent = 0;
    socket.nx_tcp_socket_packets_received = 0;
    socket.nx_tcp_socket_bytes_received = 0;
    socket.nx_tcp_socket_hosted_written = 0;
    socket.nx_tcp_socket_hosted_read = 0;
    socket.nx_tcp_socket_hosted_established = 0;
    socket.nx_tcp_socket_hosted_ended = 0;
    socket.nx_tcp_socket_hosted_stalled = 0;
    socket.nx_tcp_socket_hosted_blocked = 0;
}

// Asks the kernel for the connection: NX_SUCCESS (it stands), NX_IN_PROGRESS, or NX_NOT_CONNECTED.
UINT begin_connect(NX_TCP_SOCKET& socket, NXD_ADDRESS peer, UINT port) {
    apply_redirect(peer, port);
    if (!kernel().set.network_allowed && !is_loopback(peer))
        return NX_NOT_CONNECTED;
    any_address to{};
    const socklen_t size = is_v4(peer) ? to_kernel_v4(peer, port, to) : to_kernel_v6(peer, port, to);
    const int fd = open_descriptor(socket, to.common.sa_family);
    if (fd < 0)
        return NX_NOT_CONNECTED;
    const int result = ::connect(fd, &to.common, size);
    if (result != 0 && errno != EINPROGRESS) {
        close(fd);
        return NX_NOT_CONNECTED;
    }
    socket.nx_tcp_socket_hosted_fd = fd;
    return result == 0 ? NX_SUCCESS : NX_IN_PROGRESS;
}

UINT tcp_connect(NX_TCP_SOCKET& socket, const NXD_ADDRESS& peer, UINT port, ULONG wait_option) {
    guard held(kernel().mutex);
    auto& ip = *socket.nx_tcp_socket_ip_ptr;
    if (const UINT wrong = usable(ip, peer); wrong != NX_SUCCESS)
        return wrong;
    if (socket.nx_tcp_socket_hosted_bound != bound)
        return NX_NOT_BOUND;
    if (socket.nx_tcp_socket_state != NX_TCP_CLOSED)
        return NX_NOT_CLOSED;
    flush_received(held, socket);
    forget_connection(socket, peer, port);
    const UINT begun = begin_connect(socket, peer, port);
    if (begun == NX_NOT_CONNECTED)
        return begun;
    socket.nx_tcp_socket_state = NX_TCP_SYN_SENT;
    start_link(ip);
    wake_link(ip); // it also finishes a connection that stands already: the notification is its to make
    if (wait_option == NX_NO_WAIT)
        return NX_IN_PROGRESS;
    const auto result = wait_until_ready(held, wait_option, TX_TCP_IP,
                                         [&] { return socket.nx_tcp_socket_state != NX_TCP_SYN_SENT; });
    if (result != wake::ready)
        lose(held, socket);
    if (result == wake::aborted)
        return NX_WAIT_ABORTED;
    return socket.nx_tcp_socket_hosted_established != 0 ? NX_SUCCESS : NX_NOT_CONNECTED;
}

bool port_taken(const NX_IP& ip, UINT port) {
    for (const auto* other = ip.nx_ip_tcp_created_sockets_ptr; other != nullptr;
         other = other->nx_tcp_socket_created_next) {
        if (other->nx_tcp_socket_hosted_bound == bound && other->nx_tcp_socket_port == port)
            return true;
    }
    return false;
}

UINT free_port(const NX_IP& ip, UINT port, UINT& found) {
    constexpr UINT ports = NX_MAX_PORT - NX_SEARCH_PORT_START + 1;
    for (UINT i = 0; i < ports; ++i) {
        const UINT candidate = port >= NX_SEARCH_PORT_START
                                   ? NX_SEARCH_PORT_START + (port - NX_SEARCH_PORT_START + i) % ports
                                   : port + i;
        if (candidate != 0 && candidate <= NX_MAX_PORT && !port_taken(ip, candidate)) {
            found = candidate;
            return NX_SUCCESS;
        }
    }
    return NX_NO_FREE_PORTS;
}

UINT tcp_bind(NX_TCP_SOCKET& socket, UINT port, ULONG wait_option) {
    guard held(kernel().mutex);
    if (socket.nx_tcp_socket_hosted_bound != unbound)
        return NX_ALREADY_BOUND;
    socket.nx_tcp_socket_hosted_any_port = port == NX_ANY_PORT ? 1 : 0;
    if (port == NX_ANY_PORT) {
        constexpr UINT ports = NX_MAX_PORT - NX_SEARCH_PORT_START + 1;
        const UINT status = free_port(*socket.nx_tcp_socket_ip_ptr,
                                      NX_SEARCH_PORT_START + static_cast<UINT>(NX_RAND()) % ports, port);
        if (status != NX_SUCCESS)
            return status;
    }
    socket.nx_tcp_socket_hosted_bound = waiting_for_port;
    const auto result = wait_until_ready(held, wait_option, TX_TCP_IP, [&] {
        return socket.nx_tcp_socket_hosted_bound == unbound ||
               !port_taken(*socket.nx_tcp_socket_ip_ptr, port);
    });
    const bool withdrawn = socket.nx_tcp_socket_hosted_bound == unbound; // another thread called unbind
    socket.nx_tcp_socket_hosted_bound = unbound;
    if (result == wake::aborted || withdrawn)
        return NX_WAIT_ABORTED;
    if (result == wake::timed_out)
        return NX_PORT_UNAVAILABLE;
    socket.nx_tcp_socket_hosted_bound = bound;
    socket.nx_tcp_socket_port = port;
    return NX_SUCCESS;
}

UINT tcp_unbind(NX_TCP_SOCKET& socket) {
    guard held(kernel().mutex);
    if (socket.nx_tcp_socket_state != NX_TCP_CLOSED)
        return NX_NOT_CLOSED;
    if (socket.nx_tcp_socket_hosted_bound == unbound)
        return NX_NOT_BOUND;
    flush_received(held, socket);
    socket.nx_tcp_socket_hosted_bound = unbound;
    kernel().changed.notify_all();
    return NX_SUCCESS;
}

bool leaves_at_once(ULONG wait_option) {
#ifdef NX_DISABLE_RESET_DISCONNECT
    (void)wait_option;
    return false;
#else
    return wait_option == NX_NO_WAIT;
#endif
}

// Says goodbye and waits for the peer's.
UINT close_politely(guard& held, NX_TCP_SOCKET& socket, ULONG wait_option) {
    const bool peer_was_first = socket.nx_tcp_socket_state == NX_TCP_CLOSE_WAIT;
    socket.nx_tcp_socket_state = peer_was_first ? NX_TCP_LAST_ACK : NX_TCP_FIN_WAIT_1;
    socket.nx_tcp_socket_hosted_given_up =
        static_cast<ULONG64>(ticks_now(kernel())) + ULONG64{NX_TCP_MAXIMUM_RETRIES} * NX_IP_PERIODIC_RATE;
    shutdown(socket.nx_tcp_socket_hosted_fd, SHUT_WR);
    wake_link(*socket.nx_tcp_socket_ip_ptr);
    kernel().changed.notify_all();
    if (wait_option == NX_NO_WAIT)
        return NX_SUCCESS;
    const auto result = wait_until_ready(held, wait_option, TX_TCP_IP, [&] {
        // Nobody reads what still comes; it must not keep the peer's FIN out of sight.
        flush_received(held, socket);
        return socket.nx_tcp_socket_state == NX_TCP_CLOSED;
    });
    if (result == wake::ready)
        return NX_SUCCESS;
    lose(held, socket);
    return result == wake::aborted ? NX_WAIT_ABORTED : NX_DISCONNECT_FAILED;
}

UINT tcp_disconnect(NX_TCP_SOCKET& socket, ULONG wait_option) {
    guard held(kernel().mutex);
    if (socket.nx_tcp_socket_state == NX_TCP_SYN_SENT) {
        lose(held, socket);
        return NX_SUCCESS;
    }
    if (!carries_data(socket.nx_tcp_socket_state))
        return NX_NOT_CONNECTED;
    if (leaves_at_once(wait_option)) {
        reset(held, socket);
        return NX_IN_PROGRESS;
    }
    const UINT status = close_politely(held, socket, wait_option);
    flush_sent(held, socket);
    return status;
}

// How much of a send goes out before an ordered break; acts on the break when none does.
std::size_t allowed_to_send(guard& held, NX_TCP_SOCKET& socket, std::size_t size) {
    const auto& order = kernel().set.send_break;
    if (order.how == NX_HOSTED_BREAK_NONE)
        return size;
    if (socket.nx_tcp_socket_hosted_written < order.after)
        return static_cast<std::size_t>(
            std::min<std::uint64_t>(size, order.after - socket.nx_tcp_socket_hosted_written));
    if (order.how == NX_HOSTED_BREAK_RESET) {
        reset(held, socket);
    } else if (order.how == NX_HOSTED_BREAK_END && socket.nx_tcp_socket_state == NX_TCP_ESTABLISHED) {
        socket.nx_tcp_socket_hosted_ended = 1;
        socket.nx_tcp_socket_state = NX_TCP_CLOSE_WAIT;
        kernel().changed.notify_all();
    } else {
        return order.how == NX_HOSTED_BREAK_END ? size : 0;
    }
    return size;
}

UINT wait_for_window(guard& held, NX_TCP_SOCKET& socket, ULONG wait_option, bool stalled) {
    socket.nx_tcp_socket_hosted_blocked = stalled ? 0 : 1;
    wake_link(*socket.nx_tcp_socket_ip_ptr);
    const auto result = wait_until_ready(held, wait_option, TX_TCP_IP, [&] {
        return (!stalled && socket.nx_tcp_socket_hosted_blocked == 0) ||
               !carries_data(socket.nx_tcp_socket_state);
    });
    socket.nx_tcp_socket_hosted_blocked = 0;
    if (result == wake::ready)
        return NX_SUCCESS;
    return result == wake::aborted ? NX_WAIT_ABORTED : NX_WINDOW_OVERFLOW;
}

UINT send_octets(guard& held, NX_TCP_SOCKET& socket, std::span<const UCHAR> data, ULONG wait_option) {
    while (!data.empty()) {
        if (!carries_data(socket.nx_tcp_socket_state))
            return NX_NOT_CONNECTED;
        const std::size_t allowed = allowed_to_send(held, socket, data.size());
        if (!carries_data(socket.nx_tcp_socket_state))
            return NX_NOT_CONNECTED;
        const auto sent = allowed != 0 ? ::send(socket.nx_tcp_socket_hosted_fd, data.data(), allowed,
                                                MSG_NOSIGNAL | MSG_DONTWAIT)
                                       : -1;
        if (sent > 0) {
            data = data.subspan(static_cast<std::size_t>(sent));
            socket.nx_tcp_socket_hosted_written += static_cast<ULONG64>(sent);
            continue;
        }
        if (allowed != 0 && errno != EAGAIN && errno != EINTR) {
            lose(held, socket);
            return NX_NOT_CONNECTED;
        }
        if (const UINT status = wait_for_window(held, socket, wait_option, allowed == 0);
            status != NX_SUCCESS)
            return status;
    }
    return NX_SUCCESS;
}

UINT wait_for_queue(guard& held, NX_TCP_SOCKET& socket, ULONG wait_option) {
    const auto result = wait_until_ready(held, wait_option, TX_TCP_IP, [&] {
        reap_acknowledged(held, socket);
        return socket.nx_tcp_socket_transmit_sent_count < socket.nx_tcp_socket_transmit_queue_maximum ||
               !carries_data(socket.nx_tcp_socket_state);
    });
    if (result == wake::ready)
        return NX_SUCCESS;
    return result == wake::aborted ? NX_WAIT_ABORTED : NX_TX_QUEUE_DEPTH;
}

UINT send_packet(guard& held, NX_TCP_SOCKET& socket, NX_PACKET& packet, ULONG wait_option) {
    UINT status = wait_for_queue(held, socket, wait_option);
    for (const auto* link = &packet; link != nullptr && status == NX_SUCCESS; link = next_of(*link)) {
        const auto* start = link->nx_packet_prepend_ptr;
        status = send_octets(
            held, socket, {start, static_cast<std::size_t>(link->nx_packet_append_ptr - start)}, wait_option);
    }
    if (status != NX_SUCCESS)
        return status;
    if (!carries_data(socket.nx_tcp_socket_state))
        return NX_NOT_CONNECTED;
    queue_sent(socket, packet);
    reap_acknowledged(held, socket);
    wake_link(*socket.nx_tcp_socket_ip_ptr);
    return NX_SUCCESS;
}

bool may_receive(UINT state) {
    return state == NX_TCP_SYN_SENT || state == NX_TCP_ESTABLISHED || state == NX_TCP_FIN_WAIT_1 ||
           state == NX_TCP_FIN_WAIT_2;
}

UINT tcp_delete(NX_TCP_SOCKET& socket) {
    guard held(kernel().mutex);
    if (socket.nx_tcp_socket_id != NX_TCP_ID)
        return NX_NOT_CREATED;
    if (socket.nx_tcp_socket_hosted_bound != unbound || socket.nx_tcp_socket_state != NX_TCP_CLOSED)
        return NX_STILL_BOUND;
    await_callbacks(held, socket);
    socket.nx_tcp_socket_id = 0;
    auto& ip = *socket.nx_tcp_socket_ip_ptr;
    unlink(ip.nx_ip_tcp_created_sockets_ptr, &socket, &NX_TCP_SOCKET::nx_tcp_socket_created_next);
    --ip.nx_ip_tcp_created_sockets_count;
    return NX_SUCCESS;
}

ULONG default_mss(const NX_TCP_SOCKET& socket) {
    const ULONG mtu = socket.nx_tcp_socket_ip_ptr->nx_ip_interface[0].nx_interface_ip_mtu_size;
    return mtu - (is_v4(socket.nx_tcp_socket_connect_ip) ? ipv4_header : ipv6_header) - tcp_header;
}

UINT check_socket(const NX_TCP_SOCKET* socket) {
    if (socket == nullptr || socket->nx_tcp_socket_id != NX_TCP_ID)
        return NX_PTR_ERROR;
    return (socket->nx_tcp_socket_ip_ptr->nx_ip_enabled & NX_IP_TCP_ENABLED) != 0 ? NX_SUCCESS
                                                                                  : NX_NOT_ENABLED;
}

bool is_host_address(ULONG v4) {
    return (v4 & NX_IP_CLASS_A_MASK) == NX_IP_CLASS_A_TYPE ||
           (v4 & NX_IP_CLASS_B_MASK) == NX_IP_CLASS_B_TYPE || (v4 & NX_IP_CLASS_C_MASK) == NX_IP_CLASS_C_TYPE;
}

UINT check_peer(const NXD_ADDRESS* peer, UINT port) {
    if (peer == nullptr ||
        (peer->nxd_ip_version != NX_IP_VERSION_V4 && peer->nxd_ip_version != NX_IP_VERSION_V6))
        return NX_IP_ADDRESS_ERROR;
    if (is_v4(*peer) && !is_host_address(v4_of(*peer)))
        return NX_IP_ADDRESS_ERROR;
    return port > NX_MAX_PORT ? NX_INVALID_PORT : NX_SUCCESS;
}

UINT check_sendable(const NX_TCP_SOCKET& socket, const NX_PACKET& packet) {
    const auto version = socket.nx_tcp_socket_connect_ip.nxd_ip_version;
    if (version != NX_IP_VERSION_V4 && version != NX_IP_VERSION_V6)
        return NX_NOT_CONNECTED;
    const auto needed = static_cast<std::ptrdiff_t>(header_room(socket) - NX_PHYSICAL_HEADER);
    if (packet.nx_packet_prepend_ptr - packet.nx_packet_data_start < needed)
        return NX_UNDERFLOW;
    return packet.nx_packet_append_ptr > packet.nx_packet_data_end ? NX_OVERFLOW : NX_SUCCESS;
}

// Sets one of a socket's call-backs.
template <class Function>
UINT set_callback(const char* name, NX_TCP_SOCKET* socket, Function NX_TCP_SOCKET::*where, Function what) {
    return service(name, [&]() -> UINT {
        const guard held(kernel().mutex);
        socket->*where = what;
        return NX_SUCCESS;
    });
}

} // namespace

ULONG header_room(const NX_TCP_SOCKET& socket) {
    return is_v4(socket.nx_tcp_socket_connect_ip) ? NX_IPv4_TCP_PACKET : NX_IPv6_TCP_PACKET;
}

void lose(guard& held, NX_TCP_SOCKET& socket) {
    if (socket.nx_tcp_socket_hosted_fd >= 0)
        close(std::exchange(socket.nx_tcp_socket_hosted_fd, -1));
    socket.nx_tcp_socket_state = NX_TCP_CLOSED;
    socket.nx_tcp_socket_hosted_blocked = 0;
    flush_sent(held, socket);
    wake_link(*socket.nx_tcp_socket_ip_ptr);
    kernel().changed.notify_all();
}

void reset(guard& held, NX_TCP_SOCKET& socket) {
    const linger at_once{1, 0};
    if (socket.nx_tcp_socket_hosted_fd >= 0)
        setsockopt(socket.nx_tcp_socket_hosted_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    lose(held, socket);
}

void reap_acknowledged(guard& held, NX_TCP_SOCKET& socket) {
    if (socket.nx_tcp_socket_transmit_sent_head == nullptr)
        return;
    int outstanding = 0;
    if (socket.nx_tcp_socket_hosted_fd < 0 ||
        ioctl(socket.nx_tcp_socket_hosted_fd, SIOCOUTQ, &outstanding) != 0)
        outstanding = 0;
    const auto written = socket.nx_tcp_socket_hosted_written;
    const auto unacknowledged = std::min<ULONG64>(written, static_cast<ULONG64>(outstanding));
    while (socket.nx_tcp_socket_transmit_sent_head != nullptr &&
           socket.nx_tcp_socket_transmit_sent_head->nx_packet_hosted_sequence <= written - unacknowledged)
        pop_sent(held, socket);
}

void become_established(NX_TCP_SOCKET& socket) {
    socket.nx_tcp_socket_state = NX_TCP_ESTABLISHED;
    socket.nx_tcp_socket_hosted_established = 1;
    const ULONG mss = default_mss(socket);
    socket.nx_tcp_socket_connect_mss =
        socket.nx_tcp_socket_mss != 0 ? std::min(socket.nx_tcp_socket_mss, mss) : mss;
    any_address local{};
    socklen_t size = sizeof local;
    if (socket.nx_tcp_socket_hosted_any_port != 0 &&
        getsockname(socket.nx_tcp_socket_hosted_fd, &local.common, &size) == 0)
        socket.nx_tcp_socket_port =
            ntohs(local.common.sa_family == AF_INET ? local.v4.sin_port : local.v6.sin6_port);
    kernel().changed.notify_all();
}

UINT tcp_send(NX_TCP_SOCKET& socket, NX_PACKET& packet, ULONG wait_option) {
    if (packet.nx_packet_length == 0)
        return NX_INVALID_PACKET;
    guard held(kernel().mutex);
    if (socket.nx_tcp_socket_hosted_bound != bound)
        return NX_NOT_BOUND;
    if (socket.nx_tcp_socket_state == NX_TCP_SYN_SENT)
        wait_until_ready(held, wait_option, TX_TCP_IP,
                         [&] { return socket.nx_tcp_socket_state != NX_TCP_SYN_SENT; });
    if (!carries_data(socket.nx_tcp_socket_state))
        return NX_NOT_CONNECTED;
    // One packet at a time: two senders' octets must not mix.
    const auto turn = wait_in_line(held, socket.nx_tcp_socket_senders, wait_option, TX_TCP_IP, [&] {
        return std::exchange(socket.nx_tcp_socket_hosted_sending, 1U) == 0;
    });
    if (turn != wake::ready)
        return turn == wake::aborted ? NX_WAIT_ABORTED : NX_WINDOW_OVERFLOW;
    const UINT status = send_packet(held, socket, packet, wait_option);
    socket.nx_tcp_socket_hosted_sending = 0;
    kernel().changed.notify_all();
    return status;
}

UINT tcp_receive(NX_TCP_SOCKET& socket, NX_PACKET*& packet, ULONG wait_option) {
    guard held(kernel().mutex);
    packet = nullptr;
    if (socket.nx_tcp_socket_hosted_bound != bound)
        return NX_NOT_BOUND;
    const auto result = wait_in_line(held, socket.nx_tcp_socket_receivers, wait_option, TX_TCP_IP, [&] {
        packet = pop_received(socket);
        return packet != nullptr || !may_receive(socket.nx_tcp_socket_state);
    });
    if (packet != nullptr)
        return NX_SUCCESS;
    if (result == wake::ready)
        return NX_NOT_CONNECTED;
    return result == wake::aborted ? NX_WAIT_ABORTED : NX_NO_PACKET;
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT _nx_tcp_enable(NX_IP* ip_ptr) {
    return ask("nx_tcp_enable", [&](guard& /*held*/) -> UINT {
        ip_ptr->nx_ip_enabled |= NX_IP_TCP_ENABLED;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_enable(NX_IP* ip_ptr) {
    if (ip_ptr == nullptr || ip_ptr->nx_ip_id != NX_IP_ID)
        return NX_PTR_ERROR;
    if ((ip_ptr->nx_ip_enabled & NX_IP_TCP_ENABLED) != 0)
        return NX_ALREADY_ENABLED;
    NX_NOT_ISR_CALLER_CHECKING
    return _nx_tcp_enable(ip_ptr);
}

UINT _nx_tcp_socket_create(NX_IP* ip_ptr, NX_TCP_SOCKET* socket_ptr, CHAR* name, ULONG type_of_service,
                           ULONG fragment, UINT time_to_live, ULONG window_size,
                           VOID (*tcp_urgent_data_callback)(NX_TCP_SOCKET*),
                           VOID (*tcp_disconnect_callback)(NX_TCP_SOCKET*)) {
    return ask("nx_tcp_socket_create", [&](guard& /*held*/) -> UINT {
        auto* application_data = socket_ptr->nx_tcp_socket_reserved_ptr;
        *socket_ptr = {};
        socket_ptr->nx_tcp_socket_reserved_ptr = application_data;
        socket_ptr->nx_tcp_socket_name = name;
        socket_ptr->nx_tcp_socket_ip_ptr = ip_ptr;
        socket_ptr->nx_tcp_socket_client_type = NX_TRUE;
        socket_ptr->nx_tcp_socket_type_of_service = type_of_service;
        socket_ptr->nx_tcp_socket_fragment_enable = fragment;
        socket_ptr->nx_tcp_socket_time_to_live = time_to_live;
        socket_ptr->nx_tcp_socket_rx_window_default = window_size;
        socket_ptr->nx_tcp_urgent_data_callback = tcp_urgent_data_callback;
        socket_ptr->nx_tcp_disconnect_callback = tcp_disconnect_callback;
        socket_ptr->nx_tcp_socket_state = NX_TCP_CLOSED;
        socket_ptr->nx_tcp_socket_transmit_queue_maximum = NX_TCP_MAXIMUM_TX_QUEUE;
        socket_ptr->nx_tcp_socket_timeout_max_retries = NX_TCP_MAXIMUM_RETRIES;
        socket_ptr->nx_tcp_socket_hosted_fd = -1;
        socket_ptr->nx_tcp_socket_id = NX_TCP_ID;
        link(ip_ptr->nx_ip_tcp_created_sockets_ptr, socket_ptr, &NX_TCP_SOCKET::nx_tcp_socket_created_next);
        ++ip_ptr->nx_ip_tcp_created_sockets_count;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_socket_create(NX_IP* ip_ptr, NX_TCP_SOCKET* socket_ptr, CHAR* name, ULONG type_of_service,
                            ULONG fragment, UINT time_to_live, ULONG window_size,
                            VOID (*tcp_urgent_data_callback)(NX_TCP_SOCKET*),
                            VOID (*tcp_disconnect_callback)(NX_TCP_SOCKET*), UINT tcp_socket_size) {
    if (ip_ptr == nullptr || ip_ptr->nx_ip_id != NX_IP_ID || socket_ptr == nullptr ||
        tcp_socket_size != sizeof(NX_TCP_SOCKET))
        return NX_PTR_ERROR;
    NX_INIT_AND_THREADS_CALLER_CHECKING {
        const guard held(kernel().mutex);
        if (linked(ip_ptr->nx_ip_tcp_created_sockets_ptr, socket_ptr,
                   &NX_TCP_SOCKET::nx_tcp_socket_created_next))
            return NX_PTR_ERROR;
    }
    if ((ip_ptr->nx_ip_enabled & NX_IP_TCP_ENABLED) == 0)
        return NX_NOT_ENABLED;
    const bool known_fragment = fragment == NX_FRAGMENT_OKAY || fragment == NX_DONT_FRAGMENT;
    constexpr ULONG largest_window = 0xFFFF;
    if ((type_of_service & ~NX_IP_TOS_MASK) != 0 || !known_fragment || time_to_live > 0xFF ||
        window_size == 0 || window_size > largest_window)
        return NX_OPTION_ERROR;
    return _nx_tcp_socket_create(ip_ptr, socket_ptr, name, type_of_service, fragment, time_to_live,
                                 window_size, tcp_urgent_data_callback, tcp_disconnect_callback);
}

UINT _nx_tcp_socket_delete(NX_TCP_SOCKET* socket_ptr) {
    return service("nx_tcp_socket_delete", [&] { return tcp_delete(*socket_ptr); });
}

UINT _nxe_tcp_socket_delete(NX_TCP_SOCKET* socket_ptr) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_socket_delete(socket_ptr);
}

UINT _nx_tcp_client_socket_bind(NX_TCP_SOCKET* socket_ptr, UINT port, ULONG wait_option) {
    return service("nx_tcp_client_socket_bind", [&] { return tcp_bind(*socket_ptr, port, wait_option); });
}

UINT _nxe_tcp_client_socket_bind(NX_TCP_SOCKET* socket_ptr, UINT port, ULONG wait_option) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    if (port > NX_MAX_PORT)
        return NX_INVALID_PORT;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_client_socket_bind(socket_ptr, port, wait_option);
}

UINT _nx_tcp_client_socket_unbind(NX_TCP_SOCKET* socket_ptr) {
    return service("nx_tcp_client_socket_unbind", [&] { return tcp_unbind(*socket_ptr); });
}

UINT _nxe_tcp_client_socket_unbind(NX_TCP_SOCKET* socket_ptr) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_client_socket_unbind(socket_ptr);
}

UINT _nx_tcp_client_socket_port_get(NX_TCP_SOCKET* socket_ptr, UINT* port_ptr) {
    return ask("nx_tcp_client_socket_port_get", [&](guard& /*held*/) -> UINT {
        if (socket_ptr->nx_tcp_socket_hosted_bound != bound)
            return NX_NOT_BOUND;
        *port_ptr = socket_ptr->nx_tcp_socket_port;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_client_socket_port_get(NX_TCP_SOCKET* socket_ptr, UINT* port_ptr) {
    if (port_ptr == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_client_socket_port_get(socket_ptr, port_ptr);
}

UINT _nx_tcp_free_port_find(NX_IP* ip_ptr, UINT port, UINT* free_port_ptr) {
    return ask("nx_tcp_free_port_find",
               [&](guard& /*held*/) { return free_port(*ip_ptr, port, *free_port_ptr); });
}

UINT _nxe_tcp_free_port_find(NX_IP* ip_ptr, UINT port, UINT* free_port_ptr) {
    if (ip_ptr == nullptr || ip_ptr->nx_ip_id != NX_IP_ID || free_port_ptr == nullptr)
        return NX_PTR_ERROR;
    if ((ip_ptr->nx_ip_enabled & NX_IP_TCP_ENABLED) == 0)
        return NX_NOT_ENABLED;
    if (port == 0 || port > NX_MAX_PORT)
        return NX_INVALID_PORT;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_free_port_find(ip_ptr, port, free_port_ptr);
}

UINT _nxd_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* server_ip, UINT server_port,
                                    ULONG wait_option) {
    return service("nxd_tcp_client_socket_connect",
                   [&] { return tcp_connect(*socket_ptr, *server_ip, server_port, wait_option); });
}

UINT _nxde_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* server_ip, UINT server_port,
                                     ULONG wait_option) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    if (const UINT wrong = check_peer(server_ip, server_port); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nxd_tcp_client_socket_connect(socket_ptr, server_ip, server_port, wait_option);
}

UINT _nx_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, ULONG server_ip, UINT server_port,
                                   ULONG wait_option) {
    NXD_ADDRESS peer{};
    set_v4(peer, server_ip);
    return has_v4 ? _nxd_tcp_client_socket_connect(socket_ptr, &peer, server_port, wait_option)
                  : NX_NOT_SUPPORTED;
}

UINT _nxe_tcp_client_socket_connect(NX_TCP_SOCKET* socket_ptr, ULONG server_ip, UINT server_port,
                                    ULONG wait_option) {
    NXD_ADDRESS peer{};
    set_v4(peer, server_ip);
    return has_v4 ? _nxde_tcp_client_socket_connect(socket_ptr, &peer, server_port, wait_option)
                  : NX_NOT_SUPPORTED;
}

UINT _nx_tcp_socket_send(NX_TCP_SOCKET* socket_ptr, NX_PACKET* packet_ptr, ULONG wait_option) {
    return service("nx_tcp_socket_send", [&] { return tcp_send(*socket_ptr, *packet_ptr, wait_option); });
}

UINT _nxe_tcp_socket_send(NX_TCP_SOCKET* socket_ptr, NX_PACKET** packet_ptr_ptr, ULONG wait_option) {
    auto* packet = *packet_ptr_ptr;
    if (socket_ptr == nullptr || socket_ptr->nx_tcp_socket_id != NX_TCP_ID)
        return NX_PTR_ERROR;
    if (packet == nullptr || !is_allocated(*packet))
        return NX_INVALID_PACKET;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    if (const UINT wrong = check_sendable(*socket_ptr, *packet); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    const UINT status = _nx_tcp_socket_send(socket_ptr, packet, wait_option);
    if (status == NX_SUCCESS)
        *packet_ptr_ptr = nullptr;
    return status;
}

UINT _nx_tcp_socket_receive(NX_TCP_SOCKET* socket_ptr, NX_PACKET** packet_ptr, ULONG wait_option) {
    *packet_ptr = nullptr;
    return service("nx_tcp_socket_receive",
                   [&] { return tcp_receive(*socket_ptr, *packet_ptr, wait_option); });
}

UINT _nxe_tcp_socket_receive(NX_TCP_SOCKET* socket_ptr, NX_PACKET** packet_ptr, ULONG wait_option) {
    if (packet_ptr == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_socket_receive(socket_ptr, packet_ptr, wait_option);
}

UINT _nx_tcp_socket_disconnect(NX_TCP_SOCKET* socket_ptr, ULONG wait_option) {
    return service("nx_tcp_socket_disconnect", [&] { return tcp_disconnect(*socket_ptr, wait_option); });
}

UINT _nxe_tcp_socket_disconnect(NX_TCP_SOCKET* socket_ptr, ULONG wait_option) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_socket_disconnect(socket_ptr, wait_option);
}

UINT _nx_tcp_socket_state_wait(NX_TCP_SOCKET* socket_ptr, UINT desired_state, ULONG wait_option) {
    return ask("nx_tcp_socket_state_wait", [&](guard& held) -> UINT {
        const auto result = wait_until_ready(
            held, wait_option, TX_TCP_IP, [&] { return socket_ptr->nx_tcp_socket_state == desired_state; });
        if (result == wake::aborted)
            return NX_WAIT_ABORTED;
        return result == wake::ready ? NX_SUCCESS : NX_NOT_SUCCESSFUL;
    });
}

UINT _nxe_tcp_socket_state_wait(NX_TCP_SOCKET* socket_ptr, UINT desired_state, ULONG wait_option) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    if (desired_state < NX_TCP_CLOSED || desired_state > NX_TCP_LAST_ACK)
        return NX_OPTION_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_tcp_socket_state_wait(socket_ptr, desired_state, wait_option);
}

UINT _nx_tcp_socket_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* tcp_packets_sent, ULONG* tcp_bytes_sent,
                             ULONG* tcp_packets_received, ULONG* tcp_bytes_received,
                             ULONG* tcp_retransmit_packets, ULONG* tcp_packets_queued,
                             ULONG* tcp_checksum_errors, ULONG* tcp_socket_state,
                             ULONG* tcp_transmit_queue_depth, ULONG* tcp_transmit_window,
                             ULONG* tcp_receive_window) {
    return ask("nx_tcp_socket_info_get", [&](guard& /*held*/) -> UINT {
        const auto& s = *socket_ptr;
        store(tcp_packets_sent, s.nx_tcp_socket_packets_sent);
        store(tcp_bytes_sent, s.nx_tcp_socket_bytes_sent);
        store(tcp_packets_received, s.nx_tcp_socket_packets_received);
        store(tcp_bytes_received, s.nx_tcp_socket_bytes_received);
        store(tcp_retransmit_packets, ULONG{0});
        store(tcp_packets_queued, s.nx_tcp_socket_receive_queue_count);
        store(tcp_checksum_errors, ULONG{0});
        store(tcp_socket_state, static_cast<ULONG>(s.nx_tcp_socket_state));
        store(tcp_transmit_queue_depth, s.nx_tcp_socket_transmit_sent_count);
        store(tcp_transmit_window, ULONG{NX_MAX_PORT});
        const ULONG queued = std::min(s.nx_tcp_socket_receive_queue_bytes, s.nx_tcp_socket_rx_window_default);
        store(tcp_receive_window, s.nx_tcp_socket_rx_window_default - queued);
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_socket_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* tcp_packets_sent, ULONG* tcp_bytes_sent,
                              ULONG* tcp_packets_received, ULONG* tcp_bytes_received,
                              ULONG* tcp_retransmit_packets, ULONG* tcp_packets_queued,
                              ULONG* tcp_checksum_errors, ULONG* tcp_socket_state,
                              ULONG* tcp_transmit_queue_depth, ULONG* tcp_transmit_window,
                              ULONG* tcp_receive_window) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_info_get(socket_ptr, tcp_packets_sent, tcp_bytes_sent, tcp_packets_received,
                                   tcp_bytes_received, tcp_retransmit_packets, tcp_packets_queued,
                                   tcp_checksum_errors, tcp_socket_state, tcp_transmit_queue_depth,
                                   tcp_transmit_window, tcp_receive_window);
}

UINT _nx_tcp_socket_bytes_available(NX_TCP_SOCKET* socket_ptr, ULONG* bytes_available) {
    return ask("nx_tcp_socket_bytes_available", [&](guard& /*held*/) -> UINT {
        *bytes_available = socket_ptr->nx_tcp_socket_receive_queue_bytes;
        return may_receive(socket_ptr->nx_tcp_socket_state) || *bytes_available != 0 ? NX_SUCCESS
                                                                                     : NX_NOT_CONNECTED;
    });
}

UINT _nxe_tcp_socket_bytes_available(NX_TCP_SOCKET* socket_ptr, ULONG* bytes_available) {
    if (bytes_available == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_bytes_available(socket_ptr, bytes_available);
}

UINT _nx_tcp_socket_mss_get(NX_TCP_SOCKET* socket_ptr, ULONG* mss) {
    return ask("nx_tcp_socket_mss_get", [&](guard& /*held*/) -> UINT {
        *mss = carries_data(socket_ptr->nx_tcp_socket_state) ? socket_ptr->nx_tcp_socket_connect_mss
                                                             : socket_ptr->nx_tcp_socket_mss;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_socket_mss_get(NX_TCP_SOCKET* socket_ptr, ULONG* mss) {
    if (mss == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_mss_get(socket_ptr, mss);
}

UINT _nx_tcp_socket_mss_peer_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_mss) {
    return ask("nx_tcp_socket_mss_peer_get", [&](guard& /*held*/) -> UINT {
        *peer_mss = socket_ptr->nx_tcp_socket_connect_mss;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_socket_mss_peer_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_mss) {
    if (peer_mss == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_mss_peer_get(socket_ptr, peer_mss);
}

UINT _nx_tcp_socket_mss_set(NX_TCP_SOCKET* socket_ptr, ULONG mss) {
    return ask("nx_tcp_socket_mss_set", [&](guard& /*held*/) -> UINT {
        const ULONG mtu = socket_ptr->nx_tcp_socket_ip_ptr->nx_ip_interface[0].nx_interface_ip_mtu_size;
        if (mss > mtu)
            return NX_SIZE_ERROR;
        socket_ptr->nx_tcp_socket_mss = mss;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_socket_mss_set(NX_TCP_SOCKET* socket_ptr, ULONG mss) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_mss_set(socket_ptr, mss);
}

UINT _nxd_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* peer_ip_address,
                                   ULONG* peer_port) {
    return ask("nxd_tcp_socket_peer_info_get", [&](guard& /*held*/) -> UINT {
        if (!carries_data(socket_ptr->nx_tcp_socket_state))
            return NX_NOT_CONNECTED;
        *peer_ip_address = socket_ptr->nx_tcp_socket_connect_ip;
        *peer_port = socket_ptr->nx_tcp_socket_connect_port;
        return NX_SUCCESS;
    });
}

UINT _nxde_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, NXD_ADDRESS* peer_ip_address,
                                    ULONG* peer_port) {
    if (peer_ip_address == nullptr || peer_port == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nxd_tcp_socket_peer_info_get(socket_ptr, peer_ip_address, peer_port);
}

UINT _nx_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_ip_address, ULONG* peer_port) {
    NXD_ADDRESS peer{};
    const UINT status = _nxd_tcp_socket_peer_info_get(socket_ptr, &peer, peer_port);
    if (status == NX_SUCCESS && !is_v4(peer))
        return NX_NOT_CONNECTED;
    if (status == NX_SUCCESS)
        *peer_ip_address = v4_of(peer);
    return status;
}

UINT _nxe_tcp_socket_peer_info_get(NX_TCP_SOCKET* socket_ptr, ULONG* peer_ip_address, ULONG* peer_port) {
    if (peer_ip_address == nullptr || peer_port == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_peer_info_get(socket_ptr, peer_ip_address, peer_port);
}

UINT _nx_tcp_socket_transmit_configure(NX_TCP_SOCKET* socket_ptr, ULONG max_queue_depth, ULONG timeout,
                                       ULONG max_retries, ULONG timeout_shift) {
    return ask("nx_tcp_socket_transmit_configure", [&](guard& /*held*/) -> UINT {
        socket_ptr->nx_tcp_socket_transmit_queue_maximum = max_queue_depth;
        // Retransmission is the kernel's; what was asked for is kept for whoever looks.
        socket_ptr->nx_tcp_socket_timeout_rate = timeout;
        socket_ptr->nx_tcp_socket_timeout_max_retries = max_retries;
        socket_ptr->nx_tcp_socket_timeout_shift = timeout_shift;
        return NX_SUCCESS;
    });
}

UINT _nxe_tcp_socket_transmit_configure(NX_TCP_SOCKET* socket_ptr, ULONG max_queue_depth, ULONG timeout,
                                        ULONG max_retries, ULONG timeout_shift) {
    if (socket_ptr == nullptr || socket_ptr->nx_tcp_socket_id != NX_TCP_ID)
        return NX_PTR_ERROR;
    if (max_queue_depth == 0)
        return NX_OPTION_ERROR;
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_transmit_configure(socket_ptr, max_queue_depth, timeout, max_retries,
                                             timeout_shift);
}

UINT _nx_tcp_socket_receive_notify(NX_TCP_SOCKET* socket_ptr, VOID (*tcp_receive_notify)(NX_TCP_SOCKET*)) {
    return set_callback("nx_tcp_socket_receive_notify", socket_ptr, &NX_TCP_SOCKET::nx_tcp_receive_callback,
                        tcp_receive_notify);
}

UINT _nxe_tcp_socket_receive_notify(NX_TCP_SOCKET* socket_ptr, VOID (*tcp_receive_notify)(NX_TCP_SOCKET*)) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_receive_notify(socket_ptr, tcp_receive_notify);
}

UINT _nx_tcp_socket_establish_notify(NX_TCP_SOCKET* socket_ptr,
                                     VOID (*tcp_establish_notify)(NX_TCP_SOCKET*)) {
    return set_callback("nx_tcp_socket_establish_notify", socket_ptr, &NX_TCP_SOCKET::nx_tcp_establish_notify,
                        tcp_establish_notify);
}

UINT _nxe_tcp_socket_establish_notify(NX_TCP_SOCKET* socket_ptr,
                                      VOID (*tcp_establish_notify)(NX_TCP_SOCKET*)) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_establish_notify(socket_ptr, tcp_establish_notify);
}

UINT _nx_tcp_socket_disconnect_complete_notify(NX_TCP_SOCKET* socket_ptr,
                                               VOID (*tcp_disconnect_complete_notify)(NX_TCP_SOCKET*)) {
    return set_callback("nx_tcp_socket_disconnect_complete_notify", socket_ptr,
                        &NX_TCP_SOCKET::nx_tcp_disconnect_complete_notify, tcp_disconnect_complete_notify);
}

UINT _nxe_tcp_socket_disconnect_complete_notify(NX_TCP_SOCKET* socket_ptr,
                                                VOID (*tcp_disconnect_complete_notify)(NX_TCP_SOCKET*)) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_disconnect_complete_notify(socket_ptr, tcp_disconnect_complete_notify);
}

UINT _nx_tcp_socket_window_update_notify_set(NX_TCP_SOCKET* socket_ptr,
                                             VOID (*tcp_window_update_notify)(NX_TCP_SOCKET*)) {
    return set_callback("nx_tcp_socket_window_update_notify_set", socket_ptr,
                        &NX_TCP_SOCKET::nx_tcp_socket_window_update_notify, tcp_window_update_notify);
}

UINT _nxe_tcp_socket_window_update_notify_set(NX_TCP_SOCKET* socket_ptr,
                                              VOID (*tcp_window_update_notify)(NX_TCP_SOCKET*)) {
    if (const UINT wrong = check_socket(socket_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_INIT_AND_THREADS_CALLER_CHECKING
    return _nx_tcp_socket_window_update_notify_set(socket_ptr, tcp_window_update_notify);
}

} // extern "C"
