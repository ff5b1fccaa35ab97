// A TCP server on a free loopback port, in a thread of the test: one function per connection.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace test {

/// One accepted connection. Reads end after five seconds: a test that hangs is a test that fails.
class peer {
  public:
    explicit peer(int fd) : fd_(fd) {}
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;
    ~peer() { close_now(); }

    void send(std::string_view data) const {
        while (!data.empty()) {
            const auto sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
            if (sent <= 0)
                return;
            data.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    /// Exactly size octets, or what came before the end.
    std::string read(std::size_t size) const {
        std::string got;
        while (got.size() < size) {
            std::string part = read_some(size - got.size());
            if (part.empty())
                break;
            got += part;
        }
        return got;
    }

    std::string read_to_end() const { return read(std::string::npos); }

    /// Blocks until the other side has closed or reset.
    bool closed_by_peer() const { return read_some(1).empty(); }

    /// Something came, or the other side has left.
    bool readable() const {
        pollfd ready{fd_, POLLIN, 0};
        return poll(&ready, 1, 0) > 0;
    }

    void end() const { shutdown(fd_, SHUT_WR); }
    void reset() {
        const linger at_once{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close_now();
    }
    void close_now() {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = -1;
    }
    int fd() const { return fd_; }

  private:
    std::string read_some(std::size_t limit) const {
        pollfd ready{fd_, POLLIN, 0};
        if (poll(&ready, 1, 5000) <= 0)
            return {};
        std::string part(std::min<std::size_t>(limit, 65536), '\0');
        const auto got = recv(fd_, part.data(), part.size(), 0);
        part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return part;
    }

    int fd_;
};

class loopback_server {
  public:
    using handler = std::function<void(peer&)>;

    explicit loopback_server(handler handle, int family = AF_INET, int receive_buffer = 0)
        : handle_(std::move(handle)), fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_buffer != 0)
            setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        bind_to_loopback(family);
        runner_ = std::thread([this] { run(); });
    }
    loopback_server(const loopback_server&) = delete;
    loopback_server& operator=(const loopback_server&) = delete;
    ~loopback_server() {
        stop_ = true;
        runner_.join();
        ::close(fd_);
    }

    unsigned port() const { return port_; }
    int connections() const { return connections_; }

  private:
    void bind_to_loopback(int family) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        auto* address =
            family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
        socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
        if (fd_ < 0 || bind(fd_, address, size) != 0 || listen(fd_, 8) != 0 ||
            getsockname(fd_, address, &size) != 0)
            throw std::runtime_error("no loopback server");
        port_ = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    }

    void run() {
        while (!stop_) {
            pollfd ready{fd_, POLLIN, 0};
            if (poll(&ready, 1, 20) <= 0)
                continue;
            peer connection(accept(fd_, nullptr, nullptr));
            ++connections_;
            handle_(connection);
        }
    }

    handler handle_;
    int fd_;
    unsigned port_ = 0;
    std::atomic<bool> stop_{false};
    std::atomic<int> connections_{0};
    std::thread runner_;
};

/// A port on which nothing listens.
inline unsigned unused_port() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
}

} // namespace test
