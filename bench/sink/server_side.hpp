// server_side.hpp - the server's half of SMTP for measurements: real parsing, nothing kept.
//
// It must cost so little that the client in front of it is what is measured, and yet notice every octet that
// a client gets wrong: sizes of chunks, the terminator, dot transparency, the order of commands. Content is
// counted and forgotten. No I/O happens here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

struct counters {
    std::uint64_t sessions = 0;
    std::uint64_t messages = 0;
    std::uint64_t octets = 0;  ///< of content, after dot transparency is undone
    std::uint64_t refused = 0; ///< commands that were answered with 4yz or 5yz
    std::uint64_t turns = 0;   ///< times the replies to what had come were written
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
    std::uint64_t handshakes = 0;
    std::uint64_t resumed = 0;
};

struct offer {
    bool pipelining = true;
    bool chunking = true;
    bool starttls = false;
    /// Not 0: no SMTP at all; `echo_reply` octets are the answer to every `echo_request` octets.
    std::uint64_t echo_request = 0;
    std::size_t echo_reply = 0;
};

/// One session.
class server_side {
  public:
    server_side(const offer& offered, counters& counts) noexcept : offer_(&offered), counts_(&counts) {}

    void greet(std::string& replies) const;
    /// Takes what came, appends the replies, and returns how much it has used: what is left is the beginning
    /// of a line, or what stands behind STARTTLS or QUIT.
    std::size_t take(std::string_view octets, std::string& replies);
    /// True once after STARTTLS was agreed to.
    bool starts_tls() noexcept;
    bool is_over() const noexcept { return over_; }

  private:
    enum class state : std::uint8_t { idle, mail, rcpt, data, chunk };
    // How much of CRLF "." CRLF stands in front of the next octet of the content.
    enum class seen : std::uint8_t { nothing, cr, crlf, dot, dot_cr };

    std::size_t take_echo(std::string_view octets, std::string& replies);
    std::size_t take_chunk(std::string_view octets, std::string& replies);
    std::size_t take_data(std::string_view octets, std::string& replies);
    bool data_octet(char c) noexcept;
    void take_line(std::string_view line, std::string& replies);
    void take_bdat(std::string_view argument, std::string& replies);
    void take_mail(std::string& replies);
    void take_rcpt(std::string& replies);
    void take_data_command(std::string& replies);
    void keywords(std::string& replies);
    void accept(std::string& replies);
    void refuse(std::string_view reply, std::string& replies);

    const offer* offer_;
    counters* counts_;
    std::uint64_t left_ = 0; // octets of the chunk, or of the echo's request
    state state_ = state::idle;
    seen seen_ = seen::nothing;
    bool last_chunk_ = false;
    bool chunk_refused_ = false;
    bool chunked_ = false;
    bool start_tls_ = false;
    bool tls_ = false;
    bool over_ = false;
};

} // namespace bench
