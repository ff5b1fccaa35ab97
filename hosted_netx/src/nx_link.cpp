// The thread of an IP instance, in place of NetX's own and the link driver's interrupts.
//
// It polls the sockets of its instance. A socket is polled for reading only while its receive window has room
// and its packet pool has a packet: what does not fit stays in the kernel, as it would stay with the peer.
// What the kernel does not announce (acknowledged data, the end of LAST_ACK, a pool that has packets again)
// is looked at every millisecond while somebody may care.
#include "sockets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace postrider::hosted {

namespace {

constexpr int look_again_ms = 1;
constexpr std::size_t largest_segment = 16'384;

using callback = void (*)(NX_TCP_SOCKET*);
struct notice {
    callback function;
    NX_TCP_SOCKET* socket;
};

struct ip_link {
    std::thread runner;
    int wake_fd = -1;
    bool stop = false;
    TX_THREAD control{};
    NX_TCP_SOCKET* calling = nullptr; // whose call-back runs now
};

ip_link* link_of(const NX_IP& ip) {
    return static_cast<ip_link*>(ip.nx_ip_hosted);
}

bool reads(const NX_TCP_SOCKET& socket) {
    switch (socket.nx_tcp_socket_state) {
    case NX_TCP_ESTABLISHED:
    case NX_TCP_FIN_WAIT_1:
    case NX_TCP_FIN_WAIT_2:
        return socket.nx_tcp_socket_hosted_ended == 0 && socket.nx_tcp_socket_hosted_stalled == 0;
    default:
        return false;
    }
}

bool window_open(const NX_TCP_SOCKET& socket) {
    return socket.nx_tcp_socket_receive_queue_bytes < socket.nx_tcp_socket_rx_window_default;
}

short events_of(const NX_TCP_SOCKET& socket) {
    int events = 0;
    if (socket.nx_tcp_socket_state == NX_TCP_SYN_SENT || socket.nx_tcp_socket_hosted_blocked != 0)
        events |= POLLOUT;
    if (reads(socket) && window_open(socket) && socket.nx_tcp_socket_hosted_starved == 0)
        events |= POLLIN;
    return static_cast<short>(events);
}

bool leaving(const NX_TCP_SOCKET& socket) {
    return socket.nx_tcp_socket_state >= NX_TCP_FIN_WAIT_1;
}

// NetX repeats a FIN that nobody answers some times, a second apart, and gives up.
bool goodbye_unanswered(const NX_TCP_SOCKET& socket) {
    return leaving(socket) && socket.nx_tcp_socket_hosted_stalled != 0 &&
           ticks_now(kernel()) >= static_cast<double>(socket.nx_tcp_socket_hosted_given_up);
}

bool needs_looking_at(const NX_TCP_SOCKET& socket) {
    return (leaving(socket) && socket.nx_tcp_socket_hosted_stalled != 0) ||
           socket.nx_tcp_socket_transmit_sent_head != nullptr ||
           socket.nx_tcp_socket_state == NX_TCP_LAST_ACK || socket.nx_tcp_socket_state == NX_TCP_CLOSE_WAIT ||
           socket.nx_tcp_socket_hosted_starved != 0;
}

bool kernel_closed(const NX_TCP_SOCKET& socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return getsockopt(socket.nx_tcp_socket_hosted_fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
           info.tcpi_state == TCP_CLOSE;
}

void add(std::vector<notice>& notices, callback function, NX_TCP_SOCKET& socket) {
    if (function != nullptr)
        notices.push_back({function, &socket});
}

void queue_received(NX_TCP_SOCKET& socket, NX_PACKET* packet) {
    if (socket.nx_tcp_socket_receive_queue_tail != nullptr)
        socket.nx_tcp_socket_receive_queue_tail->nx_packet_queue_next = packet;
    else
        socket.nx_tcp_socket_receive_queue_head = packet;
    socket.nx_tcp_socket_receive_queue_tail = packet;
    ++socket.nx_tcp_socket_receive_queue_count;
    socket.nx_tcp_socket_receive_queue_bytes += packet->nx_packet_length;
    socket.nx_tcp_socket_hosted_read += packet->nx_packet_length;
    ++socket.nx_tcp_socket_packets_received;
    socket.nx_tcp_socket_bytes_received += packet->nx_packet_length;
    auto& ip = *socket.nx_tcp_socket_ip_ptr;
    ++ip.nx_ip_total_packets_received;
    ip.nx_ip_total_bytes_received += packet->nx_packet_length;
    packet->nx_packet_ip_version = static_cast<UCHAR>(socket.nx_tcp_socket_connect_ip.nxd_ip_version);
    packet->nx_packet_address.nx_packet_interface_ptr = ip.nx_ip_interface;
    kernel().changed.notify_all();
}

void connection_lost(guard& held, NX_TCP_SOCKET& socket, std::vector<notice>& notices) {
    add(notices,
        leaving(socket) ? socket.nx_tcp_disconnect_complete_notify : socket.nx_tcp_disconnect_callback,
        socket);
    lose(held, socket);
}

void peer_ended(guard& held, NX_TCP_SOCKET& socket, std::vector<notice>& notices) {
    socket.nx_tcp_socket_hosted_ended = 1;
    if (socket.nx_tcp_socket_state == NX_TCP_ESTABLISHED) {
        socket.nx_tcp_socket_state = NX_TCP_CLOSE_WAIT;
        add(notices, socket.nx_tcp_disconnect_callback, socket);
        kernel().changed.notify_all();
    } else {
        connection_lost(held, socket, notices);
    }
}

// True when the ordered end of the receiving side has come.
bool break_now(guard& held, NX_TCP_SOCKET& socket, std::vector<notice>& notices) {
    const auto& order = kernel().set.receive_break;
    if (order.how == NX_HOSTED_BREAK_NONE || socket.nx_tcp_socket_hosted_read < order.after)
        return false;
    if (order.how == NX_HOSTED_BREAK_RESET) {
        add(notices, socket.nx_tcp_disconnect_callback, socket);
        reset(held, socket);
    } else if (order.how == NX_HOSTED_BREAK_END) {
        peer_ended(held, socket, notices);
    } else {
        socket.nx_tcp_socket_hosted_stalled = 1;
    }
    return true;
}

ULONG wanted(const NX_TCP_SOCKET& socket) {
    const auto& order = kernel().set.receive_break;
    ULONG most = socket.nx_tcp_socket_rx_window_default - socket.nx_tcp_socket_receive_queue_bytes;
    most = std::min({most, socket.nx_tcp_socket_connect_mss, static_cast<ULONG>(largest_segment)});
    if (order.how != NX_HOSTED_BREAK_NONE)
        most =
            static_cast<ULONG>(std::min<std::uint64_t>(most, order.after - socket.nx_tcp_socket_hosted_read));
    return most;
}

// One packet; false when there is nothing to read or nowhere to put it.
bool receive_one(guard& held, NX_TCP_SOCKET& socket, std::vector<notice>& notices) {
    if (!reads(socket) || !window_open(socket) || break_now(held, socket, notices))
        return false;
    std::array<UCHAR, largest_segment> buffer;
    auto& pool = *socket.nx_tcp_socket_ip_ptr->nx_ip_default_packet_pool;
    const ULONG headers = header_room(socket);
    const ULONG offset = headers < pool.nx_packet_pool_payload_size ? headers : 0;
    const auto piece = next_cut(kernel().set, wanted(socket), socket.nx_tcp_socket_hosted_read);
    const ULONG most = std::min(piece.octets, capacity(pool, piece.link, offset));
    const auto got = recv(socket.nx_tcp_socket_hosted_fd, buffer.data(), most, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got < 0) {
        connection_lost(held, socket, notices);
        return false;
    }
    if (got == 0) {
        peer_ended(held, socket, notices);
        return false;
    }
    NX_PACKET* packet = nullptr;
    const auto data = std::span<const UCHAR>(buffer).first(static_cast<std::size_t>(got));
    if (fill_packet(held, pool, packet, data, piece.link, offset, NX_NO_WAIT, origin::stack) != NX_SUCCESS) {
        socket.nx_tcp_socket_hosted_starved = 1;
        return false;
    }
    // Take from the kernel what was only looked at so far.
    if (recv(socket.nx_tcp_socket_hosted_fd, buffer.data(), data.size(), MSG_DONTWAIT) != got) {
        give_packet_back(held, packet);
        connection_lost(held, socket, notices);
        return false;
    }
    queue_received(socket, packet);
    add(notices, socket.nx_tcp_receive_callback, socket);
    return true;
}

void finish_connect(guard& held, NX_TCP_SOCKET& socket, std::vector<notice>& notices) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket.nx_tcp_socket_hosted_fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        lose(held, socket);
        return;
    }
    become_established(socket);
    add(notices, socket.nx_tcp_establish_notify, socket);
}

void look_after(guard& held, NX_TCP_SOCKET& socket, int happened, std::vector<notice>& notices) {
    if (socket.nx_tcp_socket_hosted_fd < 0)
        return;
    if (socket.nx_tcp_socket_state == NX_TCP_SYN_SENT) {
        if (happened != 0)
            finish_connect(held, socket, notices);
        return;
    }
    if ((happened & (POLLOUT | POLLERR | POLLHUP)) != 0 && socket.nx_tcp_socket_hosted_blocked != 0) {
        socket.nx_tcp_socket_hosted_blocked = 0;
        add(notices, socket.nx_tcp_socket_window_update_notify, socket);
        kernel().changed.notify_all();
    }
    socket.nx_tcp_socket_hosted_starved = 0;
    while (receive_one(held, socket, notices)) {
    }
    reap_acknowledged(held, socket);
    const bool passive =
        socket.nx_tcp_socket_state == NX_TCP_CLOSE_WAIT || socket.nx_tcp_socket_state == NX_TCP_LAST_ACK;
    if ((passive && kernel_closed(socket)) || goodbye_unanswered(socket))
        connection_lost(held, socket, notices);
}

void make_callbacks(guard& held, ip_link& link, const std::vector<notice>& notices) {
    for (const auto& each : notices) {
        link.calling = each.socket;
        held.unlock();
        each.function(each.socket);
        held.lock();
    }
    link.calling = nullptr;
    if (!notices.empty())
        kernel().changed.notify_all();
}

// What poll is to watch, and for how long; the first entry is the wake-up call.
int plan(const NX_IP& ip, std::vector<pollfd>& watched) {
    watched.assign(1, {link_of(ip)->wake_fd, POLLIN, 0});
    int timeout = -1;
    for (const auto* socket = ip.nx_ip_tcp_created_sockets_ptr; socket != nullptr;
         socket = socket->nx_tcp_socket_created_next) {
        if (socket->nx_tcp_socket_hosted_fd < 0)
            continue;
        // One that has nothing to wait for is left out: the kernel reports its errors again and again.
        if (const short events = events_of(*socket); events != 0)
            watched.push_back({socket->nx_tcp_socket_hosted_fd, events, 0});
        if (needs_looking_at(*socket))
            timeout = look_again_ms;
    }
    return timeout;
}

int happened_to(const std::vector<pollfd>& watched, int fd) {
    for (const auto& entry : watched) {
        if (entry.fd == fd)
            return entry.revents;
    }
    return 0;
}

void run_link(NX_IP* ip) {
    auto& link = *link_of(*ip);
    const acting_as role(TX_HOSTED_THREAD, &link.control);
    std::vector<pollfd> watched;
    std::vector<notice> notices;
    guard held(kernel().mutex);
    while (!link.stop) {
        const int timeout = plan(*ip, watched);
        held.unlock();
        poll(watched.data(), watched.size(), timeout);
        std::uint64_t calls = 0;
        if ((watched.front().revents & POLLIN) != 0)
            (void)!read(link.wake_fd, &calls, sizeof calls);
        held.lock();
        notices.clear();
        for (auto* socket = ip->nx_ip_tcp_created_sockets_ptr; socket != nullptr;
             socket = socket->nx_tcp_socket_created_next)
            look_after(held, *socket, happened_to(watched, socket->nx_tcp_socket_hosted_fd), notices);
        make_callbacks(held, link, notices);
    }
}

} // namespace

void start_link(NX_IP& ip) {
    if (ip.nx_ip_hosted != nullptr)
        return;
    auto* link = new ip_link;
    link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    link->control.tx_thread_name = ip.nx_ip_name;
    ip.nx_ip_hosted = link;
    link->runner = std::thread(run_link, &ip);
}

void wake_link(NX_IP& ip) {
    if (auto* link = link_of(ip); link != nullptr) {
        const std::uint64_t one = 1;
        (void)!write(link->wake_fd, &one, sizeof one);
    }
}

void stop_link(guard& held, NX_IP& ip) {
    auto* link = link_of(ip);
    if (link == nullptr)
        return;
    link->stop = true;
    wake_link(ip);
    held.unlock();
    link->runner.join();
    held.lock();
    ip.nx_ip_hosted = nullptr;
    close(link->wake_fd);
    delete link;
}

void await_callbacks(guard& held, NX_TCP_SOCKET& socket) {
    const auto* link = link_of(*socket.nx_tcp_socket_ip_ptr);
    if (link != nullptr && current_thread() != &link->control)
        kernel().changed.wait(held, [&] { return link->calling != &socket; });
}

} // namespace postrider::hosted
