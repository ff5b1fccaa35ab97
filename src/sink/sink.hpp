// sink.hpp - a mail server for trying things out and for tests: takes mail, shows or keeps it, relays
// nothing.
//
// The server side of RFC 5321 (and RFC 2033, LMTP) with the extensions a client wants to exercise, and
// switches that make it fail on purpose. It listens on loopback, uses one thread, and its memory is bounded:
// per connection one 64 KiB read buffer, one preview and one envelope; content goes to its file as it comes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postrider::sink {

enum class tls_mode : std::uint8_t { none, starttls, implicit };

/// Where a fault can strike. `content` is the first octet of the content, `end` the point where the final
/// reply is due, `handshake` the TLS handshake behind the 220 of STARTTLS (or behind the connection, implicit
/// TLS).
enum class stage : std::uint8_t {
    connect,
    ehlo,
    helo,
    starttls,
    handshake,
    auth,
    mail,
    rcpt,
    data,
    content,
    end,
    quit
};
inline constexpr std::size_t stage_count = 12;
/// The stage's name as `--fail` takes it; nothing for an unknown name.
std::optional<stage> stage_from_name(std::string_view name);
std::string_view stage_name(stage where);

/// What happens at a stage: the line is closed, reset (RST), left hanging, or this reply is sent (421 also
/// closes). close, reset and stall at `end` strike after the message was kept: the client must hold it to be
/// in doubt.
struct fault {
    enum class kind : std::uint8_t { none, close, reset, stall, reply };
    kind what = kind::none;
    int code = 0;
    std::string text;
};

/// A refusal for addresses that match: `*` and `?` are wildcards, case does not matter.
struct refusal {
    std::string pattern;
    int code = 550;
    std::string text; ///< may start with an enhanced status code; empty: a text that fits the stage
};

struct recipient {
    std::string address; ///< the mailbox as it was sent, without the angle brackets
    std::string notify;  ///< RFC 3461 NOTIFY, empty when not given
    std::string orcpt;   ///< RFC 3461 ORCPT as sent (xtext), empty when not given
};

struct refused_recipient {
    std::string address;
    int code = 0;
    std::string text;
};

struct envelope {
    std::string reverse_path;          ///< empty: the null reverse-path
    std::string body;                  ///< BODY= in capitals, empty when not given
    std::string ret;                   ///< RET=, empty when not given
    std::string envid;                 ///< ENVID= as sent (xtext)
    std::string auth;                  ///< AUTH= as sent (xtext or <>)
    std::optional<std::uint64_t> size; ///< SIZE=, in octets
    bool smtputf8 = false;
    std::vector<recipient> recipients;
    std::vector<refused_recipient> refused;
};

/// One accepted message and how it came.
struct received {
    std::uint64_t serial = 0; ///< 1 for the server's first message
    std::chrono::system_clock::time_point time;
    std::string peer;        ///< "127.0.0.1:40000", or "unix"
    std::string client_name; ///< the argument of EHLO, HELO or LHLO
    std::string protocol;    ///< RFC 3848: SMTP, ESMTP, ESMTPS, ESMTPSA, LMTP ...
    std::string tls_version; ///< "TLSv1.3", empty without TLS
    std::string tls_cipher;
    std::string user; ///< who authenticated, empty when nobody did
    sink::envelope envelope;
    std::uint64_t size = 0;         ///< octets of content, dot stuffing removed
    std::uint32_t chunks = 0;       ///< BDAT commands it took; 0: it came by DATA
    std::string preview;            ///< the first octets of the content, at most config::preview_limit
    std::string content;            ///< all of it, when config::keep_content
    std::string file;               ///< path in the maildir, empty when none was written
    std::vector<std::string> notes; ///< what a strict server would have minded, as sentences
};

/// What the server does. Everything has a usable default; the password is never printed.
struct config {
    std::vector<std::string>
        listen; ///< "127.0.0.1:2525", "[::1]:0", "localhost:25", "2525"; port 0: any free one
    std::vector<std::string> unix_paths; ///< sockets to listen on; a dead socket left there is replaced
    bool allow_remote = false;           ///< without it only loopback addresses are accepted in `listen`
    std::string host_name = "localhost";
    bool lmtp = false;

    tls_mode tls = tls_mode::none;
    std::string cert_file; ///< PEM chain; both empty: a certificate for localhost is made in memory
    std::string key_file;
    bool require_tls = false; ///< MAIL only under TLS (530)

    std::string user; ///< empty: AUTH is not offered
    std::string password;
    bool auth_optional = false; ///< with a user set, MAIL needs AUTH unless this is set

    std::uint64_t size_limit = 64U << 20U; ///< octets of content; 0: no limit
    std::size_t line_limit = 0; ///< octets of a content line without CRLF; 0: over-long lines are only noted
    std::size_t max_recipients = 1000;
    std::size_t max_connections = 1024;
    std::chrono::milliseconds idle_timeout = std::chrono::minutes(5);

    std::set<std::string, std::less<>> without; ///< keywords not offered, in capitals
    std::vector<refusal> reject_sender;
    std::vector<refusal> reject_recipient;
    std::vector<refusal> reject_delivery;  ///< LMTP: per recipient, in the replies behind the content
    std::optional<refusal> reject_content; ///< its pattern is not used
    std::array<fault, stage_count> faults;
    std::uint64_t fail_first = 0;       ///< each fault strikes only this often; 0: always
    std::chrono::milliseconds delay{0}; ///< before each group of replies

    std::string maildir;  ///< made when missing; files hold the content byte for byte, CRLF kept
    bool sidecar = false; ///< beside each file, DIR/envelope/NAME.json
    bool discard = false; ///< only count
    bool keep_content = false;
    std::size_t preview_limit = 64U << 10U;

    std::uint64_t stop_after = 0; ///< stop after this many messages; 0: never
    bool stop_on_signals = false; ///< SIGINT and SIGTERM stop run()

    /// Called on the server's thread for each message, after it was kept and before the client reads its 250.
    std::function<void(const received&)> on_message;
    /// Troubles of a line that belong to no message: failed handshakes, time-outs. Foreign bytes: escape
    /// them.
    std::function<void(std::string_view)> on_event;
    /// The dialogue: direction '<' from or '>' to the client, without CRLF, credentials masked. Foreign
    /// bytes.
    std::function<void(char direction, std::string_view line)> on_trace;
};

/// What was seen so far.
struct totals {
    std::uint64_t connections = 0;
    std::uint64_t messages = 0;
    std::uint64_t octets = 0;  ///< of accepted content
    std::uint64_t refused = 0; ///< contents refused after they were sent
};

/// Why the server could not be set up; what() names the cause and the next step.
class setup_error : public std::runtime_error {
  public:
    enum class kind : std::uint8_t { configuration, address, address_in_use, tls, maildir };
    setup_error(kind what_kind, const std::string& text) : std::runtime_error(text), kind_(what_kind) {}
    kind why() const noexcept { return kind_; }

  private:
    kind kind_;
};

/// The server. Listens from construction on, answers while run() runs or run_in_thread() is on.
class server {
  public:
    /// Binds every address and prepares TLS and the maildir. Throws setup_error.
    explicit server(config settings);
    /// Stops and joins.
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// The port of the nth `listen` entry. With an empty `listen` and no unix path, 127.0.0.1:0 is used.
    std::uint16_t port(std::size_t listener = 0) const;
    /// Every address listened on, in order, as "127.0.0.1:2525" or "unix:/path".
    const std::vector<std::string>& addresses() const;
    /// PEM of what a client must trust: the CA made in memory, or the last certificate of cert_file. Empty
    /// without TLS.
    const std::string& ca_pem() const;

    /// Serves on this thread until stop(), a signal (stop_on_signals) or stop_after. Call once.
    void run();
    /// Serves on a thread of its own. Call once, instead of run().
    void run_in_thread();
    /// Stops listening, gives contents on their way `grace` to finish, says 421 to the rest. Any thread;
    /// joins the thread of run_in_thread(), but only asks when called on it, from a callback. Idempotent.
    void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

    totals counted() const;
    /// True once `messages` were accepted, false when that took longer than `timeout`.
    bool wait_for(std::uint64_t messages, std::chrono::milliseconds timeout) const;

  private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace postrider::sink
