// stream.hpp - what a stream is, and drive(): the driver of a session over one that blocks.
//
// A driver does what session::next() asks for. Three rules make it a right one, and both drivers of the house
// keep them: before the first octet of a new exchange is written, what has arrived meanwhile is read (a reply
// nobody asked for is an attack or a farewell); what was written is reported before what is read afterwards
// (the rule for doubt depends on it); and where the stream can tell, reading goes on while a write is stuck,
// so that two full buffers never wait for each other.
#pragma once

#include "postrider/errc.hpp"
#include "postrider/session.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

namespace postrider {

/// What came of a read or a write: the octets moved, and what broke.
struct io_result {
    std::size_t size = 0;
    errc error = errc::ok;
};

/// What came of a TLS handshake. `verified`: the peer's certificate was checked against the name asked for.
struct handshake_result {
    errc error = errc::ok;
    bool verified = false;
};

/// A stream of octets that blocks, at most until the deadline (on the clock that drive() is given).
///
/// - write(slices, deadline): writes the slices in order and returns how many octets of them were given to
/// the line. It may
///   return early, even with 0, when octets have arrived that should be read first; a stream that cannot tell
///   just writes. `timed_out` when nothing could be written by the deadline.
/// - read(space, deadline): waits for at least one octet. 0 octets and `ok`: the peer has closed in order. 0
/// octets and
///   `timed_out`: none came by the deadline; a deadline in the past asks for what is there already. With TLS,
///   octets mean plaintext: records that carry none must not count as something to read, and a line that ends
///   without a closing alert is `tls_truncated` (RFC 8446 6.1).
/// - start_tls(deadline): does the client's side of the handshake.
template <class S>
concept stream = requires(S& s, std::span<const std::string_view> slices, std::span<char> space,
                          instant deadline) {
    { s.write(slices, deadline) } -> std::same_as<io_result>;
    { s.read(space, deadline) } -> std::same_as<io_result>;
    { s.start_tls(deadline) } -> std::same_as<handshake_result>;
};

/// Collects a session's output for one gathered write: content is referred to, small slices and commands are
/// copied into the lent space, so that a group of pipelined commands leaves in one piece. `Slices`: how many
/// pieces a write is made of at most. `ReferFrom`: content below so many octets is copied, because that costs
/// less than one more slice for the system to walk through.
template <std::size_t Slices, std::size_t ReferFrom>
class basic_gather {
  public:
    /// The space must outlive it; 64 octets at least, an Ethernet payload is comfortable.
    constexpr explicit basic_gather(std::span<char> space) noexcept : space_(space) {}
    basic_gather(const basic_gather&) = delete;
    basic_gather& operator=(const basic_gather&) = delete;
    ~basic_gather() { clear(); }

    /// Takes as much of the session's present output as fits. False when nothing did: write first.
    bool take(session& s) noexcept {
        const std::string_view octets = s.output();
        secret_ = secret_ || s.output_is_secret();
        const bool lasting = s.output_is_content() && octets.size() >= ReferFrom;
        const std::size_t size = lasting ? refer(octets) : copy(octets);
        s.taken(size);
        waiting_ += size;
        return size > 0;
    }

    /// Takes all commands that may go now and fit. Returns them as they were copied; empty when none did.
    std::string_view take_commands(session& s) noexcept {
        if (!can_copy()) {
            return {};
        }
        char* const to = space_.data() + used_;
        const std::size_t size = s.take_commands(space_.subspan(used_));
        append(size);
        waiting_ += size;
        return {to, size};
    }

    constexpr bool empty() const noexcept { return first_ == count_; }
    constexpr std::span<const std::string_view> slices() const noexcept {
        return std::span(slices_).subspan(first_, count_ - first_);
    }
    /// Octets waiting.
    constexpr std::size_t size() const noexcept { return waiting_; }

    /// The first `size` octets are written. When all are, the space is free again; if it held a credential,
    /// it is wiped.
    void written(std::size_t size) noexcept {
        while (size > 0 && !empty()) {
            std::string_view& front = slices_[first_];
            const std::size_t n = size < front.size() ? size : front.size();
            front = {front.data() + n, front.size() - n};
            size -= n;
            waiting_ -= n;
            first_ += front.empty() ? 1 : 0;
        }
        if (empty()) {
            clear();
        }
    }

  private:
    std::size_t refer(std::string_view octets) noexcept {
        if (count_ == slices_.size()) {
            return 0;
        }
        slices_[count_++] = octets;
        return octets.size();
    }

    std::size_t copy(std::string_view octets) noexcept {
        if (!can_copy()) {
            return 0;
        }
        const std::size_t room = space_.size() - used_;
        const std::size_t n = octets.size() < room ? octets.size() : room;
        if (n > 0) {
            std::memcpy(space_.data() + used_, octets.data(), n);
        }
        append(n);
        return n;
    }

    // Whether what is copied continues the last slice.
    bool continues() const noexcept {
        return !empty() && slices_[count_ - 1].data() + slices_[count_ - 1].size() == space_.data() + used_;
    }
    bool can_copy() const noexcept { return count_ < slices_.size() || continues(); }

    // So many octets were copied.
    void append(std::size_t size) noexcept {
        if (continues()) {
            slices_[count_ - 1] = {slices_[count_ - 1].data(), slices_[count_ - 1].size() + size};
        } else if (size > 0) {
            slices_[count_++] = {space_.data() + used_, size};
        }
        used_ += size;
    }

    void clear() noexcept {
        if (secret_) {
            // Through volatile, or the compiler would see that nobody reads it again.
            volatile char* const octets = space_.data();
            for (std::size_t i = 0; i < used_; ++i) {
                octets[i] = 0;
            }
        }
        secret_ = false;
        used_ = first_ = count_ = waiting_ = 0;
    }

    std::span<char> space_;
    std::array<std::string_view, Slices> slices_{};
    std::size_t used_ = 0;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::size_t waiting_ = 0;
    bool secret_ = false;
};

/// For links as small as devices have.
using gather = basic_gather<16, 256>;

namespace detail {

/// Reads what is there by `deadline` and gives it to the session. False when nothing came.
template <stream S>
bool read_into(session& s, S& line, std::span<char> space, instant deadline) {
    const io_result in = line.read(space, deadline);
    if (in.size > 0) {
        s.received({space.data(), in.size});
    } else if (in.error == errc::ok) {
        s.lost(errc::connection_lost);
    } else if (in.error != errc::timed_out) {
        s.lost(in.error);
    }
    return in.size > 0 || in.error != errc::timed_out;
}

/// Writes what was gathered, and reads when the peer has something to say meanwhile.
template <stream S>
void flush(session& s, S& line, gather& out, std::span<char> space) {
    const io_result done = line.write(out.slices(), s.deadline());
    s.handed(done.size);
    out.written(done.size);
    if (done.error == errc::ok) {
        if (!out.empty()) {
            read_into(s, line, space, 0);
        }
        return;
    }
    if (done.error != errc::timed_out) {
        // The server may have said why before it closed: that is worth more than "lost".
        while (!s.is_closed() && read_into(s, line, space, 0)) {
        }
        s.lost(done.error);
    }
}

/// Starts TLS, unless something is readable: that was said in clear, and the session takes it for the attack
/// it is (RFC 3207 6).
template <stream S>
void secure(session& s, S& line, std::span<char> space) {
    if (read_into(s, line, space, 0)) {
        return;
    }
    const handshake_result tls = line.start_tls(s.deadline());
    if (tls.error == errc::ok) {
        s.tls_started(tls.verified);
    } else {
        s.lost(tls.error);
    }
}

/// Collects the next slice of output; before the first one of an exchange it hears what came unasked. False
/// when there is nothing to collect, or no room.
template <stream S>
bool collect(session& s, S& line, gather& out, std::span<char> space) {
    const bool fresh = out.empty() && s.outstanding() == 0;
    return (fresh && read_into(s, line, space, 0)) || out.take(s);
}

} // namespace detail

/// Drives the session until it wants what a stream cannot give: `ready`, `content` or `closed`, whichever it
/// returns. `now` is called often and gives the time on the deadlines' clock. Half of `space` gathers output,
/// half takes input; 256 octets at least, 2,048 are comfortable, and with a content of a few hundred octets
/// more it leaves in one write.
///
///     while ((w = drive(s, line, now, space)) == want::content) s.lend(next_part(), last);
template <stream S, class Clock>
want drive(session& s, S& line, Clock now, std::span<char> space) {
    gather out(space.first(space.size() / 2));
    const std::span<char> in = space.subspan(space.size() / 2);
    for (;;) {
        const want w = s.next(now());
        if (w == want::closed) {
            return w;
        }
        if (w == want::write && detail::collect(s, line, out, in)) {
            continue;
        }
        if (!out.empty()) {
            detail::flush(s, line, out, in);
        } else if (w == want::read) {
            detail::read_into(s, line, in, s.deadline());
        } else if (w == want::start_tls) {
            detail::secure(s, line, in);
        } else {
            return w;
        }
    }
}

} // namespace postrider
