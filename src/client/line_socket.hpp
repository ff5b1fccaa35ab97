// line_socket.hpp - a connected socket, with or without Asio.
//
// Asio registers each socket with its reactor. A session that waits in its own thread has no use for that,
// and is spared the system calls.
#pragma once

#include "strand.hpp"

#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace postrider::line {

using stream_endpoint = boost::asio::generic::stream_protocol::endpoint;

class line_socket {
  public:
    /// None.
    line_socket() = default;
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
    void let_wait(const strand& where, const stream_endpoint::protocol_type& protocol,
                  boost::system::error_code& error) {
        waited_.emplace(where).assign(protocol, descriptor_, error);
    }

    int descriptor() const noexcept { return descriptor_; }
    bool is_open() const noexcept { return descriptor_ >= 0; }
    /// What became of a connect() that was under way, as an errno; 0: connected.
    int take_error() const noexcept {
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
    }
    /// For Asio's waits, which must know the socket.
    strand_socket& waited() noexcept { return *waited_; }
    void close() noexcept {
        if (waited_ && waited_->is_open()) {
            boost::system::error_code ignored;
            waited_->close(ignored);
        } else if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
        descriptor_ = -1;
    }

  private:
    std::optional<strand_socket> waited_;
    int descriptor_ = -1;
};

} // namespace postrider::line
