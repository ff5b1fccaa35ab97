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

/// The world of a lockstep dialogue: a blocking stream of octets with a clock of its own, and the content.
class lockstep_line {
  public:
    /// Takes octets; they may stay in a buffer until the next read(). When the line is lost it does nothing,
    /// and read() says so.
    virtual void write(const char* octets, std::size_t size) noexcept = 0;
    /// Sends what was written, then gives what the server says, cut anywhere and lent until the next call of
    /// any function. Empty: nothing came in time, or the line is lost. `first`: a reply begins, and with it
    /// the time-out of stage `at`, which further octets do not extend (RFC 5321 4.5.3.2).
    virtual std::string_view read(stage at, bool first) noexcept = 0;
    /// Whether octets wait to be read.
    virtual bool has_input() noexcept = 0;
    /// Part `index` of the RFC 5322 message, lent until the next call; line endings and dots are made right
    /// on the way. A null data() ends it.
    virtual std::string_view content(unsigned index) noexcept = 0;

  protected:
    ~lockstep_line() = default;
};

/// The envelope and the credentials, lent. Texts that become a part of a command must hold no control
/// characters, and the addresses no angle brackets: parse them with mailbox::parse or parse_lenient.
struct lockstep_mail {
    const char* client_name = "localhost";
    std::string_view from;
    std::string_view to;
    const char* user = ""; ///< no authentication while it is empty and authentication optional
    const char* password = "";
    bool prefer_login = false;
    /// Authenticate only where the server lists AUTH (and then always). Otherwise AUTH PLAIN is tried even
    /// where nothing is listed.
    bool optional_auth = false;
    bool use_ehlo = true; ///< false: begin with HELO, for servers that drop the line at EHLO (RFC 5321 3.2)
};

/// One dialogue. Not reusable.
class lockstep {
  public:
    /// `space` takes the text of a reply line, 16 octets at least: SASL mechanisms behind the end of it are
    /// not seen. It must outlive the dialogue.
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
    void quit() noexcept;
    errc hello(const lockstep_mail& mail) noexcept;
    errc authenticate(const lockstep_mail& mail) noexcept;
    errc put_content() noexcept;
    void put(const char* octets, std::size_t size) noexcept { line_.write(octets, size); }
    void put(std::string_view octets) noexcept { put(octets.data(), octets.size()); }
    void put(const char* text) noexcept;
    errc command(const char* end) noexcept;
    static errc refused(errc read) noexcept;
    errc expect(unsigned hundreds, errc read) const noexcept;
    errc reply() noexcept;
    errc whole_reply(bool alone) noexcept;
    void learn(unsigned number) noexcept;
    bool is_challenge(errc read) const noexcept;
    void put_plain(const lockstep_mail& mail) noexcept;
    void put_login(const lockstep_mail& mail, bool first) noexcept;
    void put_base64(const char* text) noexcept;
    void put_base64(char octet) noexcept;
    void end_base64() noexcept;
    bool asks_for_password() noexcept;

    lockstep_line& line_;
    reply_reader reader_;
    stage at_ = stage::greeting;
    std::uint16_t code_ = 0;
    bool lists_auth_ = false;
    bool lists_plain_ = false;
    bool lists_login_ = false;
    bool password_sent_ = false; // of LOGIN's two texts, what went out last
    std::uint8_t group_size_ = 0;
    char group_[3]; // octets that wait for their base64
};

} // namespace postrider
