// client.hpp - the asynchronous client: one session with one server, over TCP or a Unix socket, with TLS.
//
// A client connects when it is needed, stays connected between messages, and connects again when the kept
// line turns out dead. Its operations take any Boost.Asio completion token (callbacks, futures, coroutines),
// run one after the other (messages several at a time, where the window is wider than one), and can be
// cancelled at every stage through the token's cancellation slot. None of them throws or fails without saying
// what became of each recipient. `blocking_client` runs the same code on the calling thread.
//
//     postrider::client c(context.get_executor(), options);
//     postrider::send_result r = co_await c.async_send(std::move(mail), boost::asio::use_awaitable);
#pragma once

#include "postrider/capabilities.hpp"
#include "postrider/content.hpp"
#include "postrider/envelope.hpp"
#include "postrider/errc.hpp"
#include "postrider/outcome.hpp"
#include "postrider/result.hpp"
#include "postrider/sasl.hpp"
#include "postrider/secret.hpp"
#include "postrider/session.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postrider {

/// Whom to talk to.
struct server {
    postrider::protocol protocol = postrider::protocol::smtp;
    /// A domain name, with U-labels or A-labels (IDNA2008), or an IP address without brackets. Unused with
    /// `unix_path`.
    std::string host;
    /// 0: what default_port() says.
    std::uint16_t port = 0;
    /// The path of a Unix socket; then neither host nor port is used to connect. `host` is still the name for
    /// TLS.
    std::string unix_path;
    tls_policy tls = tls_policy::required;
};

/// 465 with implicit TLS, 587 where STARTTLS is required, else 25; 24 for LMTP.
std::uint16_t default_port(const server& s) noexcept;

/// How the server proves who it is, and we who we are. The defaults are what a client should use.
struct tls_options {
    /// The name or address to look for in the certificate instead of server::host.
    std::string name;
    /// PEM files of trusted CAs, read when the client is made, or shared with one that has the same, unless
    /// they have changed since. Both empty: the system's, read as far as they are needed.
    std::string ca_file;
    std::string ca_path;
    /// PEM revocation lists; when given, the whole chain must be covered by them.
    std::string crl_file;
    /// PEM chain and key of the client, for servers that ask for a certificate.
    std::string client_cert;
    std::string client_key;
    /// SHA-256 of acceptable server certificates (DER), in hex, with or without colons. When given, one of
    /// them must match, and nothing else is looked at: neither CA, name nor dates.
    std::vector<std::string> fingerprints;
    /// False: encrypt without knowing to whom. The line then counts as not verified, and credentials stay at
    /// home.
    bool verify = true;
};

/// For AUTH.
struct credentials {
    std::string user;
    /// With OAUTHBEARER and XOAUTH2: an access token.
    secret password;
    /// One of sasl_mechanisms. Empty: the first that the server lists of PLAIN, LOGIN, SCRAM-SHA-256 (ASCII
    /// credentials only) and CRAM-MD5; where credentials may go in clear, of SCRAM-SHA-256, CRAM-MD5, PLAIN
    /// and LOGIN.
    std::string mechanism;
    /// Act as somebody else (RFC 4616); usually empty.
    std::string authorization_id;
};

/// One line of the dialogue, without its CRLF.
struct transcript_line {
    bool sent = false; ///< from us
    bool tls = false;  ///< inside TLS
    /// Tells the connections of the process apart: 1 for the first that has a transcript.
    std::uint64_t connection = 0;
    /// Credentials are masked, everything but printable ASCII and valid printable UTF-8 is escaped, content
    /// is told by its size: safe for a terminal and a log. Valid during the call only.
    std::string_view text;
};

/// For client_options::window: as many as the server has shown itself able to take. It begins with one at a
/// time, doubles after clean answers, and goes back to one at the first sign of trouble. What was learnt is
/// remembered for each server, by all clients of the process.
inline constexpr std::uint16_t automatic_window = 0;
/// As wide as that gets.
inline constexpr unsigned widest_automatic_window = 64;

/// Everything a client is told before it starts.
struct client_options {
    postrider::server server;
    tls_options tls;
    /// When set, nothing is sent without them: a server that offers no usable AUTH is an error.
    std::optional<postrider::credentials> credentials;
    /// For EHLO: a domain or an address literal. The default tells nothing about this machine.
    std::string client_name = "localhost";
    /// The local IP address to connect from; empty: the system's choice.
    std::string source_address;

    /// For resolving, connecting and the handshake of implicit TLS together.
    std::chrono::milliseconds connect_timeout{30'000};
    /// Between the attempts on two addresses (RFC 8305 5).
    std::chrono::milliseconds connect_stagger{250};
    /// With implicit TLS, where client and server have TCP Fast Open (RFC 7413): from the second connection
    /// on the handshake begins in the SYN, a round trip earlier. Only where the host has one address:
    /// connecting then succeeds before anybody is known to be there, and no other could be tried in its
    /// place. Not unasked, because there are networks that lose such segments.
    bool fast_open = false;
    /// The steps of the session, in milliseconds (see session.hpp).
    postrider::timeouts timeouts;

    bool allow_auth_in_clear = false;
    bool try_unlisted_mechanism = false;
    bool initial_response = true;
    bool use_pipelining = true;
    bool use_chunking = true;
    /// False: after QUIT the line is closed without waiting for the reply.
    bool await_quit_reply = true;

    /// Messages that may be under way in the session at once, where the server lists PIPELINING: the commands
    /// of one follow the end of the other without waiting (RFC 2920, RFC 3030), an RSET between them. When
    /// the line is lost, all of them can be in doubt. `automatic_window`: see there. A message that was sent
    /// ahead and provably not accepted, because of something in front of it, is sent once more, in its turn;
    /// one in doubt never is.
    std::uint16_t window = 1;
    /// No further message is sent ahead while those under way have this many octets of content.
    std::uint64_t window_octets = std::uint64_t{1024} * 1024;
    /// The client's executor is that of an io_context which one thread at a time runs, so that no two of its
    /// handlers ever run together. The client then needs no strand of its own; its functions may be called
    /// from any thread as ever. With another executor it is not looked at.
    bool implicit_strand = false;

    /// Sees each address before it is connected to, in the form `192.0.2.1` or `2001:db8::1`; false: never
    /// connect to it. For those whose server name comes from somebody else. IPv4-mapped addresses are shown
    /// as IPv4. May run on a thread of the client's executor.
    std::function<bool(std::string_view address)> address_filter;
    /// Instead of the system's resolver: IP addresses in order of preference, empty for "not found". The TLS
    /// name stays the host. Runs on a thread of its own and must not refer to anything shorter-lived than the
    /// process.
    std::function<std::vector<std::string>(const std::string& host)> resolver;
    std::function<void(const transcript_line&)> transcript;
};

/// One server certificate, as it was presented. Foreign text: escape it before showing it.
struct certificate_info {
    std::string subject;
    std::string issuer;
    std::vector<std::string> names; ///< of the SAN: "mail.example.org", "192.0.2.1"
    std::chrono::system_clock::time_point not_before;
    std::chrono::system_clock::time_point not_after;
    std::string sha256; ///< of the DER, 64 hex digits; what tls_options::fingerprints takes
};

/// One address that was tried.
struct connect_attempt {
    std::string address; ///< "192.0.2.1:587", "[2001:db8::1]:587", "unix:/path"
    errc error = errc::ok;
    std::string detail; ///< the system's message
    std::chrono::microseconds duration{0};
};

/// One step of setting up a session, and how long its answer took.
struct timed_step {
    std::string
        what; ///< "resolve", "connect", "tls", "greeting", then the verbs: "EHLO", "STARTTLS", "AUTH" ...
    std::chrono::microseconds duration{0};
};

/// What is known of a connection. Foreign text throughout: escape it before showing it.
struct connection_info {
    std::string peer; ///< as in connect_attempt; empty when none was reached
    std::vector<connect_attempt> attempts;

    std::string tls_version; ///< "TLSv1.3"; empty: not encrypted
    std::string tls_cipher;
    bool tls_verified = false;
    bool tls_resumed = false; ///< no certificate was sent: it is the one of the session resumed
    std::string tls_problem;  ///< why the certificate did not pass, also where that was allowed
    std::shared_ptr<const certificate_info> certificate; ///< null: none was shown

    std::string greeting;        ///< lines joined with '\n', without codes
    std::string ehlo_before_tls; ///< as greeting; empty with implicit TLS
    std::string ehlo;            ///< the reply that holds
    postrider::capabilities capabilities;
    bool extended = false; ///< false: the server knows HELO only
    bool authenticated = false;
    std::string mechanism;
    std::vector<timed_step> steps;
};

/// How an operation ended.
struct status {
    errc error = errc::ok;
    stage at = stage::connect;
    /// The server's reply that decided it, if there was one. Foreign text.
    std::uint16_t code = 0;
    enhanced_status enhanced;
    std::string text;
    /// Ours: the system's or OpenSSL's reason, the composer's, what was wrong with which argument. May quote
    /// foreign text.
    std::string detail;
    /// Of the session it happened in; never null in what an operation returns.
    std::shared_ptr<const connection_info> connection;

    bool ok() const noexcept { return error == errc::ok; }
};

/// A recipient, as text.
struct addressee {
    addressee() = default;
    addressee(std::string mailbox) : address(std::move(mailbox)) {}
    addressee(const char* mailbox) : address(mailbox) {}

    std::string address;
    postrider::notify notify = postrider::notify::unset;
    std::string original; ///< ORCPT, plain; empty: none
};

/// How far a message is.
struct progress {
    stage at = stage::connect;
    std::uint64_t handed = 0; ///< octets of content, as encoded, that were given to the system
    std::uint64_t total =
        0; ///< octets of canonical content, an estimate for more than 4 MiB; 0 while it is not composed
};

/// A message to be sent. Values: nothing in it must outlive the call.
struct outgoing {
    /// The reverse-path: a mailbox; empty or `<>` for notifications.
    std::string from;
    std::vector<addressee> recipients;
    postrider::content content;
    /// When set, called once the server's keywords are known, to compose what it takes; replaces `content`.
    /// `why` explains a failure. Called again if the message has to wait for another connection.
    std::function<result<postrider::content>(const capabilities& offered, std::string& why)> compose;
    /// Unset: told from the content, 7-bit or 8-bit; of more than 4 MiB it is not known before they are sent,
    /// and they go as 8-bit where the server takes that. `binary` must be asked for: it is sent without
    /// mending line ends.
    std::optional<body_type> body;
    /// Unset: told from header and addresses.
    std::optional<bool> smtputf8;
    bool all_or_nothing = false;
    return_content ret = return_content::unset;
    std::string envelope_id;
    std::int8_t priority = 0; ///< MT-PRIORITY
    /// Nothing follows it on this connection. QUIT comes right behind it, in the same flight where the server
    /// lists PIPELINING and CHUNKING (RFC 2920 3.1), and the line is closed; a message that comes later has a
    /// new one. A pool does not look at it.
    bool last = false;
    std::function<void(const progress&)> on_progress;
};

/// One recipient's outcome; owns its text.
struct recipient_outcome {
    std::string address; ///< as it was given
    disposition outcome = disposition::pending;
    stage at = stage::connect;
    errc error = errc::ok;
    std::uint16_t code = 0;
    enhanced_status enhanced;
    std::string text; ///< foreign
};

/// What became of a message. As a status: of the first recipient that did not get it.
struct send_result : status {
    /// In the order of outgoing::recipients, every one of them settled.
    std::vector<recipient_outcome> recipients;

    bool all(disposition d) const noexcept;
    bool any(disposition d) const noexcept;
    bool all_delivered() const noexcept { return all(disposition::delivered); }
};

/// The asynchronous client. Its functions may be called from any thread; completions run on the token's
/// executor, by default on the client's.
class client {
  public:
    /// Nothing is done yet. A wrong option (an unreadable CA file, say) shows in the first operation.
    client(boost::asio::any_io_executor executor, client_options options);
    /// As close(), then lets go.
    ~client();
    client(client&& other) noexcept;
    client& operator=(client&& other) noexcept;

    boost::asio::any_io_executor executor() const noexcept;
    using executor_type = boost::asio::any_io_executor;
    executor_type get_executor() const noexcept { return executor(); }

    /// Connects and sets up the session as far as it goes before a message. Does nothing on a session that is
    /// up.
    template <boost::asio::completion_token_for<void(status)> Token>
    auto async_connect(Token&& token) {
        return initiate<status>(std::forward<Token>(token), &client::start_connect);
    }

    /// Sends a message; connects when there is no session. A kept line that turns out dead before anything of
    /// the message was handed over is made anew, once.
    template <boost::asio::completion_token_for<void(send_result)> Token>
    auto async_send(outgoing mail, Token&& token) {
        return initiate<send_result>(std::forward<Token>(token), &client::start_send, std::move(mail));
    }

    /// Asks whether the server would take the envelope: MAIL and RCPT, then RSET, never content. An accepted
    /// recipient has disposition::accepted; the result is ok when all are. `content`, `compose` and `body`
    /// are not used.
    template <boost::asio::completion_token_for<void(send_result)> Token>
    auto async_probe(outgoing envelope, Token&& token) {
        return initiate<send_result>(std::forward<Token>(token), &client::start_probe, std::move(envelope));
    }

    /// A command outside a transaction. ok when the server replied at all; code and text say what.
    template <boost::asio::completion_token_for<void(status)> Token>
    auto async_ask(query what, std::string argument, Token&& token) {
        return initiate<status>(std::forward<Token>(token), &client::start_ask, what, std::move(argument));
    }

    /// Says QUIT and closes; ok when there was no session.
    template <boost::asio::completion_token_for<void(status)> Token>
    auto async_quit(Token&& token) {
        return initiate<status>(std::forward<Token>(token), &client::start_quit);
    }

    /// Cancels what is under way or waiting, and drops the line without QUIT.
    void close();

  private:
    class impl;
    using shared_impl = std::shared_ptr<impl>;
    template <class Result>
    using completion = boost::asio::any_completion_handler<void(Result)>;

    // The implementation is shared with the operation: a lazy token may start it when the client has moved
    // on.
    template <class Result, class Token, class Start, class... Arguments>
    auto initiate(Token&& token, Start start, Arguments&&... arguments) {
        return boost::asio::async_initiate<Token, void(Result)>(
            [target = impl_, start](auto handler, auto&&... rest) {
                start(target, completion<Result>(std::move(handler)), std::forward<decltype(rest)>(rest)...);
            },
            token, std::forward<Arguments>(arguments)...);
    }

    static void start_connect(const shared_impl& target, completion<status> done);
    static void start_send(const shared_impl& target, completion<send_result> done, outgoing mail);
    static void start_probe(const shared_impl& target, completion<send_result> done, outgoing envelope);
    static void start_ask(const shared_impl& target, completion<status> done, query what,
                          std::string argument);
    static void start_quit(const shared_impl& target, completion<status> done);

    std::shared_ptr<impl> impl_;
};

/// The client for those who want to wait. Each call runs the asynchronous operation on a private context, on
/// the calling thread.
class blocking_client {
  public:
    explicit blocking_client(client_options options);
    ~blocking_client();
    blocking_client(const blocking_client&) = delete;
    blocking_client& operator=(const blocking_client&) = delete;

    status connect();
    send_result send(outgoing mail);
    /// Sends what `next` hands out, as many messages at a time as client_options::window allows, until it
    /// hands out nothing. `done` gets each result, as soon as it is known, and the message's number, which
    /// counts from 0. Both are called on this thread, within send_all(), and must not use the client. What
    /// they throw comes out once the messages under way have their results. After cancel() nothing more is
    /// asked for.
    void send_all(std::function<std::optional<outgoing>()> next,
                  std::function<void(std::size_t number, send_result result)> done);
    send_result probe(outgoing envelope);
    status ask(query q, std::string argument = {});
    status quit();
    /// From any thread: what is under way ends with errc::cancelled, and the line is dropped.
    void cancel();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace postrider
