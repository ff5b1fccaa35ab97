// transport.hpp - a connected socket that never blocks, with or without TLS on top of it.
#pragma once

#include "tls.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace postrider::line {

class transport {
  public:
    enum class step {
        done,    ///< as far as the system goes
        blocked, ///< wait until the socket can be read, or written when has_output()
        closed,  ///< the peer has closed; error() says how
        failed,  ///< error() says why
    };

    static constexpr const char* closed_by_server = "the server closed the connection";

    /// The descriptor is the caller's, and connected.
    explicit transport(int descriptor) : descriptor_(descriptor) {}

    /// From now on everything is TLS; go on with handshake() until it is done.
    void start_tls(const tls_context& context) { tls_ = std::make_unique<tls_channel>(context); }
    step handshake();
    bool is_tls() const { return tls_ != nullptr; }
    bool verified() const { return tls_ && tls_->verified(); }

    /// Gives the slices to the system, or, with TLS, encrypts them all: `consumed` octets are not needed any
    /// more. What the system was given is counted by take_handed(). The `last` write is followed by the
    /// closing alert, and leaves when the socket is closed, with its end in one segment.
    step write(std::span<const std::string_view> slices, std::size_t& consumed, bool last = false);
    /// Goes on with ciphertext that is still waiting.
    step flush();
    bool has_output() const { return tls_ && !tls_->output().empty(); }
    /// Octets of plaintext given to the system since the last call.
    std::size_t take_handed() { return std::exchange(handed_, 0); }

    /// Whether reads wait, as long as the socket is set to. For a socket that blocks.
    void let_reads_block(bool yes) { flags_ = yes ? 0 : MSG_DONTWAIT; }
    /// Something was received that read() has not given yet.
    bool has_input() const { return tls_ && tls_->has_input(); }
    /// `size` octets of plaintext into `space`.
    step read(std::span<char> space, std::size_t& size);

    /// Content follows that is written in many pieces. To a server on this machine only so much is then under
    /// way as stays in a core's cache until it is read; what bounds it over a distance is left to the system.
    void expect_much();

    /// At once, instead of when there is something to send: a server that answers in small pieces may wait
    /// for it (RFC 1122 4.2.3.2, and Nagle's rule on its side). Holds for what was read so far.
    void acknowledge() const;

    /// The closing alert, as far as it can be sent without waiting, unless the last write had it. Close the
    /// socket next.
    void say_goodbye();

    errc error() const { return error_; }
    const std::string& detail() const { return detail_; }
    void describe_to(connection_info& info) const;

  private:
    step fail_by_errno();
    step fail_by_tls();
    ssize_t send(std::span<const std::string_view> slices) const;
    step receive(std::span<char> space, std::size_t& size);
    step fill_tls();

    int descriptor_;
    std::unique_ptr<tls_channel> tls_;
    std::size_t handed_ = 0;
    int flags_ = MSG_DONTWAIT;
    bool expects_much_ = false;
    int more_ = 0; // MSG_MORE when the end of the stream comes next
    errc error_ = errc::ok;
    std::string detail_;
};

/// The errc for an errno of connect, read or write, and the system's text.
errc errc_of_errno(int error) noexcept;
std::string text_of_errno(int error);

} // namespace postrider::line
