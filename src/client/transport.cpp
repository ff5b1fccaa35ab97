#include "transport.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <system_error>

namespace postrider::line {

namespace {

// Octets, which the system doubles for its own bookkeeping. Its own bound is some megabytes.
constexpr int under_way_nearby = 128 * 1024;

bool is_loopback(int descriptor) {
    boost::asio::ip::tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity()); // the name of a Unix socket is longer, and cut off
    if (::getpeername(descriptor, peer.data(), &size) != 0) {
        return false;
    }
    const int family = peer.data()->sa_family;
    return (family == AF_INET || family == AF_INET6) && peer.address().is_loopback();
}

} // namespace

errc errc_of_errno(int error) noexcept {
    switch (error) {
    case ECONNREFUSED:
        return errc::connection_refused;
    case ETIMEDOUT:
        return errc::timed_out;
    case ECANCELED:
        return errc::cancelled;
    case ENOMEM:
    case ENOBUFS:
        return errc::out_of_memory;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return errc::connection_lost;
    default:
        return errc::connection_failed;
    }
}

std::string text_of_errno(int error) {
    return std::generic_category().message(error);
}

transport::step transport::fail_by_errno() {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return step::blocked;
    }
    // With TCP Fast Open the first write connects.
    error_ = errno == ETIMEDOUT      ? errc::timed_out
             : errno == ECONNREFUSED ? errc::connection_refused
                                     : errc::connection_lost;
    detail_ = text_of_errno(errno);
    return step::failed;
}

transport::step transport::fail_by_tls() {
    error_ = tls_->error();
    detail_ = tls_->detail();
    return step::failed;
}

transport::step transport::handshake() {
    for (;;) {
        const tls_channel::step result = tls_->handshake();
        // What it has to say goes out in any case: also the alert that tells the server what displeased us.
        const step flushed = flush();
        if (result == tls_channel::step::failed) {
            return fail_by_tls();
        }
        if (flushed == step::failed) {
            return flushed;
        }
        if (result == tls_channel::step::done) {
            return step::done;
        }
        // A closing alert in place of the handshake is an end as well.
        const bool over = result == tls_channel::step::closed;
        if (const step filled = over ? step::closed : fill_tls(); filled != step::done) {
            if (filled == step::closed) {
                error_ = errc::tls_handshake;
                detail_ = "the server closed the connection during the handshake";
                return step::failed;
            }
            return filled;
        }
    }
}

transport::step transport::write(std::span<const std::string_view> slices, std::size_t& consumed, bool last) {
    consumed = 0;
    more_ = last ? MSG_MORE : 0;
    if (tls_) {
        for (const std::string_view slice : slices) {
            if (tls_->write(slice) != tls_channel::step::done) {
                return fail_by_tls();
            }
            consumed += slice.size();
        }
        if (last) {
            tls_->say_goodbye();
        }
        return flush();
    }
    const ssize_t n = send(slices);
    if (n < 0) {
        return fail_by_errno();
    }
    consumed = static_cast<std::size_t>(n);
    handed_ += consumed;
    return step::done;
}

ssize_t transport::send(std::span<const std::string_view> slices) const {
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | more_;
    if (slices.size() == 1) { // as most are
        return ::send(descriptor_, slices[0].data(), slices[0].size(), flags);
    }
    std::array<iovec, 32> vectors;
    msghdr header{};
    header.msg_iov = vectors.data();
    for (const std::string_view slice : slices.first(std::min(slices.size(), vectors.size()))) {
        vectors[header.msg_iovlen++] = {const_cast<char*>(slice.data()), slice.size()};
    }
    return ::sendmsg(descriptor_, &header, flags);
}

transport::step transport::flush() {
    while (has_output()) {
        const std::string_view out = tls_->output();
        const ssize_t n = send({&out, 1});
        if (n < 0) {
            return fail_by_errno();
        }
        handed_ += tls_->sent(static_cast<std::size_t>(n));
    }
    return step::done;
}

transport::step transport::receive(std::span<char> space, std::size_t& size) {
    const ssize_t n = ::recv(descriptor_, space.data(), space.size(), flags_);
    if (n < 0) {
        return fail_by_errno();
    }
    size = static_cast<std::size_t>(n);
    if (n == 0) {
        error_ = errc::connection_lost;
        detail_ = closed_by_server;
        return step::closed;
    }
    return step::done;
}

transport::step transport::fill_tls() {
    std::size_t size = 0;
    const step result = receive(tls_->space(), size);
    tls_->arrived(size);
    return result;
}

transport::step transport::read(std::span<char> space, std::size_t& size) {
    size = 0;
    if (!tls_) {
        return receive(space, size);
    }
    for (;;) {
        // Asking OpenSSL in vain costs as much as a small record.
        const auto result = tls_->needs_input() ? tls_channel::step::wants_input : tls_->read(space, size);
        switch (result) {
        case tls_channel::step::done:
            return step::done;
        case tls_channel::step::failed:
            return fail_by_tls();
        case tls_channel::step::closed:
            error_ = errc::connection_lost;
            detail_ = closed_by_server;
            return step::closed;
        case tls_channel::step::wants_input:
            break;
        }
        if (const step filled = fill_tls(); filled != step::done) {
            if (filled == step::closed) {
                error_ = errc::tls_truncated; // RFC 8446 6.1: without the alert the end may be anybody's work
                detail_ = "the connection ended without a closing alert";
            }
            return filled;
        }
    }
}

void transport::expect_much() {
    if (!expects_much_ && is_loopback(descriptor_)) {
        ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &under_way_nearby, sizeof under_way_nearby);
    }
    expects_much_ = true;
}

void transport::acknowledge() const {
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); // in vain on a Unix socket
}

void transport::say_goodbye() {
    if (tls_) {
        more_ = MSG_MORE;
        tls_->say_goodbye();
        flush();
    }
}

void transport::describe_to(connection_info& info) const {
    if (tls_) {
        tls_->describe_to(info);
    }
}

} // namespace postrider::line
