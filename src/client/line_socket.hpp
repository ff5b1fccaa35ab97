// line_socket.hpp - a connected socket, with or without Asio.
//
// Asio registers each socket with its reactor. A session that waits in its own thread has no use for that,
// and is spared the system calls.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace postrider::line {

using stream_socket = boost::asio::generic::stream_protocol::socket;
using stream_endpoint = boost::asio::generic::stream_protocol::endpoint;

class line_socket {
  public:
    /// None.
    explicit line_socket(const boost::asio::any_io_executor& executor) : waited_(executor) {}
    /// One that Asio waits on.
    explicit line_socket(stream_socket waited)
        : waited_(std::move(waited)), descriptor_(waited_.native_handle()) {}
    line_socket(line_socket&& other) noexcept
        : waited_(std::move(other.waited_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
    line_socket& operator=(line_socket&&) = delete;
    ~line_socket() { close(); }

    /// Takes a descriptor that Asio is not to know.
    void take(int descriptor) {
        close();
        descriptor_ = descriptor;
    }
    /// Tells Asio after all.
    void let_wait(const stream_endpoint::protocol_type& protocol, boost::system::error_code& error) {
        waited_.assign(protocol, descriptor_, error);
    }

    int descriptor() const noexcept { return descriptor_; }
    bool is_open() const noexcept { return descriptor_ >= 0; }
    /// What became of a connect() that was under way, as an errno; 0: connected.
    int take_error() const noexcept {
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
    }
    /// Empty when the system does not tell.
    stream_endpoint local_endpoint() const {
        stream_endpoint local;
        auto size = static_cast<socklen_t>(local.capacity());
        if (::getsockname(descriptor_, local.data(), &size) != 0) {
            return {};
        }
        local.resize(size);
        return local;
    }
    /// For Asio's waits; open only where Asio knows the socket.
    stream_socket& waited() noexcept { return waited_; }
    void close() noexcept {
        boost::system::error_code ignored;
        if (waited_.is_open()) {
            waited_.close(ignored);
        } else if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
        descriptor_ = -1;
    }

  private:
    stream_socket waited_;
    int descriptor_ = -1;
};

} // namespace postrider::line
