// lockstep.hpp - one mail in the least code and memory: a command, its reply, the next command.
//
// For devices that count every octet of flash. What session.hpp does beside that (running ahead, many
// messages, an outcome per recipient, TLS, BDAT) is not here, and neither is a driver: the dialogue calls the
// line, the line blocks. What both read and write is shared with the session: replies, addresses, dot
// transparency, base64.
#pragma once

#include "postrider/errc.hpp"
#include "postrider/outcome.hpp"
#include "postrider/reply.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace postrider {

/// The world of a lockstep dialogue: a blocking stream of octets with a clock of its own.
class lockstep_line {
  public:
    /// Takes octets; they may stay in a buffer until the next read(). When the line is lost it does nothing,
    /// and read() says so.
    virtual void write(std::string_view octets) noexcept = 0;
    /// Sends what was written, then gives what the server says, cut anywhere and lent until the next call of
    /// any function. Empty: nothing came in time, or the line is lost. `first`: a reply begins, and with it
    /// the time-out of stage `at`, which further octets do not extend (RFC 5321 4.5.3.2).
    virtual std::string_view read(stage at, bool first) noexcept = 0;
    /// Whether octets wait to be read.
    virtual bool has_input() noexcept = 0;

  protected:
    ~lockstep_line() = default;
};

/// What is sent, all of it lent. Texts that become a part of a command must hold no control characters, and
/// the addresses no angle brackets: parse them with mailbox::parse or parse_lenient.
struct lockstep_mail {
    std::string_view client_name;
    std::string_view from;
    std::string_view to;
    std::string_view user; ///< no authentication while it is empty and authentication optional
    std::string_view password;
    bool prefer_login = false;
    /// Authenticate only where the server lists AUTH (and then always). Otherwise AUTH PLAIN is tried even
    /// where nothing is listed.
    bool optional_auth = false;
    bool use_ehlo = true; ///< false: begin with HELO, for servers that drop the line at EHLO (RFC 5321 3.2)
    /// The RFC 5322 message, part by part; line endings and dots are made right on the way.
    std::span<const std::string_view> content;
};

/// One dialogue. Not reusable.
class lockstep {
  public:
    /// `space` takes the text of a reply line: 64 octets at least; a list of SASL mechanisms or a challenge
    /// that is longer is not understood.
    lockstep(lockstep_line& line, std::span<char> space) noexcept : line_(line), reader_(space) {}

    /// From the greeting to QUIT. ok: the server accepted the message, whatever became of QUIT.
    /// connection_lost: nothing came, and the line knows why. service_closing, command_refused and the errors
    /// of replies: see at() and code(). content_has_nul: the message was not sent.
    errc send(const lockstep_mail& mail) noexcept;

    /// Where send() stopped.
    stage at() const noexcept { return at_; }
    /// The reply that decided; 0 when none was read.
    unsigned code() const noexcept { return code_; }

  private:
    errc deliver(const lockstep_mail& mail) noexcept;
    errc hello(const lockstep_mail& mail) noexcept;
    errc authenticate(const lockstep_mail& mail) noexcept;
    errc put_content(const lockstep_mail& mail) noexcept;
    void put(std::string_view octets) noexcept;
    void put(const char* text) noexcept;
    errc command(const char* end) noexcept;
    errc expect(unsigned hundreds, errc read) const noexcept;
    errc reply() noexcept;
    void learn(std::string_view line) noexcept;
    void write_base64(std::span<const std::string_view> parts) noexcept;
    bool asks_for_password() noexcept;

    lockstep_line& line_;
    reply_reader reader_;
    stage at_ = stage::greeting;
    std::uint16_t code_ = 0;
    bool lists_auth_ = false;
    bool lists_plain_ = false;
    bool lists_login_ = false;
};

} // namespace postrider
