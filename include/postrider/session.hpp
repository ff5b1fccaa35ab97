// session.hpp - the engine: the client side of RFC 5321 (SMTP) and RFC 2033 (LMTP) as a machine without I/O.
//
// The session asks, a driver acts. `next()` says what is wanted: bytes written, bytes read, TLS started,
// content lent, or nothing because the session is ready for a transaction or closed. A driver of a few dozen
// lines does that over whatever stream there is (see stream.hpp).
//
// Two cursors walk the same path: the sender's, and the one of the reply that is awaited. With PIPELINING
// (RFC 2920) the sender runs ahead, without it every command is a barrier; nothing else differs. A reply
// therefore always lands on the command, the recipient and the transaction it belongs to, whatever failed in
// between.
#pragma once

#include "postrider/capabilities.hpp"
#include "postrider/content_encoder.hpp"
#include "postrider/envelope.hpp"
#include "postrider/errc.hpp"
#include "postrider/outcome.hpp"
#include "postrider/reply.hpp"
#include "postrider/sasl.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace postrider {

namespace text {
class writer;
}

/// A point in time on the driver's clock, in milliseconds from any fixed start (or in any other unit, if the
/// timeouts are given in it too). Never read by the engine: always an argument.
using instant = std::uint64_t;
inline constexpr instant never = std::numeric_limits<instant>::max();

/// How long to wait, in the unit of `instant`. The defaults are RFC 5321 4.5.3.2's, in milliseconds.
struct timeouts {
    std::uint32_t greeting = 300'000;
    std::uint32_t command = 300'000;    ///< EHLO, MAIL, RCPT, AUTH, STARTTLS and the other commands
    std::uint32_t data_start = 120'000; ///< DATA until its 354
    std::uint32_t data_block = 180'000; ///< each write of output
    std::uint32_t data_done = 600'000;  ///< the reply to the end of the content
    std::uint32_t quit = 10'000;
    std::uint32_t transaction = 0; ///< from MAIL to the last reply of one transaction; 0: no limit
};

enum class protocol : std::uint8_t { smtp, lmtp };

/// What the session does about TLS. With `implicit` the driver has TLS up before the greeting.
enum class tls_policy : std::uint8_t { none, opportunistic, required, implicit };

/// Everything a session is told before it starts. Lent for the session's life.
struct session_config {
    /// The name for EHLO: a domain or an address literal.
    std::string_view client_name = "localhost";
    /// In order of preference, at most 8; empty: no authentication. Only the first that the server lists and
    /// that may be used on this line is tried.
    std::span<mechanism* const> mechanisms{};
    postrider::timeouts timeouts{};
    postrider::protocol protocol = postrider::protocol::smtp;
    tls_policy tls = tls_policy::required;
    /// Let credentials go over a line that is not encrypted and verified.
    bool allow_auth_in_clear = false;
    /// Try a mechanism even though the server lists none of them.
    bool try_unlisted_mechanism = false;
    /// Which mechanism that is.
    std::uint8_t unlisted_mechanism = 0;
    /// Go on without authentication when the server does not list AUTH at all. Otherwise that is an error.
    bool optional_auth = false;
    /// Begin with EHLO. False: with HELO, for servers that drop the line at EHLO (RFC 5321 3.2).
    bool use_ehlo = true;
    /// Send a mechanism's initial response in the AUTH command (RFC 4954 4).
    bool initial_response = true;
    bool use_pipelining = true;
    bool use_chunking = true;
    /// Wait for the reply to QUIT before closing.
    bool await_quit_reply = true;
    /// Transactions that may be under way at once: how many messages can be in doubt when the line is lost.
    std::uint16_t window = 1;
    /// Replies that may be outstanding before the sender waits.
    std::uint16_t max_outstanding = 128;
    /// Content octets, before encoding, that go in one BDAT chunk; 0: no limit.
    std::uint32_t max_chunk = 256U * 1024U;
};

/// What the session wants from its driver.
enum class want : std::uint8_t {
    write,     ///< hand output() to the stream
    read,      ///< give received() what comes, at the latest by deadline()
    start_tls, ///< do the TLS handshake, then tls_started() or lost()
    content,   ///< lend() the next part of content_of(), or content_failed()
    ready,     ///< submit(), query() or quit()
    closed,    ///< close the stream; error() says whether something broke
};

/// Commands outside a transaction.
enum class query : std::uint8_t { noop, vrfy, expn, help, etrn, rset };

/// One session with one server. Not movable while transactions are under way; not thread-safe.
class session {
  public:
    /// The states of the protocol; docs/state-diagram.md is printed from their table.
    enum class state : std::uint8_t {
        greeting,
        ehlo,
        helo,
        starttls,
        tls,
        auth,
        auth_response,
        auth_cancel,
        ready,
        rset,
        mail,
        rcpt,
        data,
        content,
        bdat,
        query,
        quit,
        closed
    };

    /// `config` and `reply_space` (which keeps the text of the last reply; 64 octets at least, 512 are
    /// comfortable) must outlive the session.
    session(const session_config& config, std::span<char> reply_space) noexcept;

    /// What to do now. Call it again after every event.
    want next(instant now) noexcept;
    /// When next() will give up unless something happens; `never` when there is no limit.
    instant deadline() const noexcept;

    // --- output ---
    /// The next octets to write; empty when there are none. Valid until taken() or, for lent content, until
    /// written.
    std::string_view output() noexcept;
    /// The slice refers to lent content: it need not be copied before it is written.
    bool output_is_content() const noexcept;
    /// The slice holds a credential: a transcript must not show it.
    bool output_is_secret() const noexcept;
    /// Only QUIT is left to be sent and its reply is not awaited: what output there is is the last, the
    /// driver may let it leave together with the end of the stream.
    bool is_leaving() const noexcept {
        return out_ == state::quit && in_flight_ == 0 && !config_.await_quit_reply;
    }
    /// For drivers that gather: copies the commands that may go now into `space`, as far as they fit, and
    /// takes them as taken() does. Returns their octets. It ends in front of content and of credentials,
    /// which output() gives.
    std::size_t take_commands(std::span<char> space) noexcept;
    /// `size` octets of output() are in the driver's hands.
    void taken(std::size_t size) noexcept;
    /// `size` of the octets taken were handed to the stream. Report it before any reply that was read later.
    void handed(std::size_t size) noexcept;
    /// Octets taken and not handed yet.
    std::size_t in_hand() const noexcept { return taken_ - handed_; }
    /// taken() and handed() in one, for drivers without a buffer of their own.
    void written(std::size_t size) noexcept {
        taken(size);
        handed(size);
    }

    // --- input and events ---
    /// Octets that came from the server, cut anywhere. May be called at any time, also while output is
    /// pending.
    void received(std::string_view octets) noexcept;
    /// The TLS handshake is done; `verified` when the peer's certificate was checked against the name asked
    /// for.
    void tls_started(bool verified) noexcept;
    /// The stream broke, or was closed by the peer: connection_lost, tls_handshake, timed_out, cancelled ...
    void lost(errc why) noexcept;
    /// The next part of the content that `want::content` asked for; lent until it is asked for again or the
    /// transaction is completed.
    void lend(std::string_view part, bool last) noexcept;
    /// The content cannot be read any further: the message is not accepted and the session closes.
    void content_failed(errc why) noexcept;
    /// The transaction that wants content.
    transaction* content_of() const noexcept { return needs_content_ ? out_transaction_ : nullptr; }
    /// The transaction that output() belongs to, when output_is_content(); lent, and only to tell it by.
    const transaction* sending() const noexcept { return out_transaction_; }
    /// The oldest transaction under way, whose replies come next; null without one. Lent, and only to tell it
    /// by.
    const transaction* awaited() const noexcept { return in_transaction_; }
    /// The terminator of `t`, which is under way, was handed over: without a reply it is in doubt.
    bool beyond_recall(const transaction& t) const noexcept {
        return t.progress_.sent_end && static_cast<std::int32_t>(handed_ - t.progress_.end_offset) >= 0;
    }

    // --- use ---
    /// A transaction may be submitted: the session is set up or being set up, the window is not full.
    bool can_submit() const noexcept;
    /// Starts a transaction as soon as the session is ready. Lent until it is completed(). Misuse when
    /// !can_submit().
    void submit(transaction& t) noexcept;
    /// Asks outside a transaction; only when next() said ready. The answer is last_reply() at the next ready.
    /// The argument is lent until then. bad_argument when it holds control characters.
    errc ask(query q, std::string_view argument = {}) noexcept;
    /// Ends the session after what is under way, and nothing more can be submitted. Where the server lists
    /// PIPELINING and CHUNKING, QUIT leaves with the last of it (RFC 2920 3.1).
    void quit() noexcept;

    // --- what is known ---
    const capabilities& server() const noexcept { return capabilities_; }
    /// The reply read last; its text is valid until received() is called again.
    const reply& last_reply() const noexcept { return last_reply_; }
    /// What closed the session; ok after a QUIT that was asked for.
    errc error() const noexcept { return error_; }
    /// Where it broke.
    stage failed_at() const noexcept { return failed_at_; }
    /// EHLO was understood (and not only HELO).
    bool extended() const noexcept { return extended_; }
    bool authenticated() const noexcept { return authenticated_; }
    bool tls_active() const noexcept { return tls_active_; }
    bool is_closed() const noexcept { return out_ == state::closed; }
    /// Set up, and nothing is under way or on its way: unless something is asked for, next() says `ready`.
    bool is_ready() const noexcept { return out_ == state::ready && owed_ == 0 && !output_pending(); }
    /// Commands written or being written whose replies are still to come.
    unsigned outstanding() const noexcept { return owed_; }
    /// The mechanism in use or used.
    const mechanism* used_mechanism() const noexcept { return mechanism_; }

  private:
    // the sender's cursor (session_output.cpp)
    void produce() noexcept;
    void choose() noexcept;
    void next_fragment() noexcept;
    bool step() noexcept;
    bool start_transaction() noexcept;
    bool after_envelope() noexcept;
    bool start_content() noexcept;
    bool next_chunk() noexcept;
    bool start_chunk() noexcept;
    bool has_failed(bool all_sent) const noexcept;
    [[gnu::cold]] bool leave_when_answered() noexcept;
    bool begin(state s) noexcept;
    bool may_follow() const noexcept;
    bool quit_may_follow() const noexcept;
    errc unsendable(const transaction& t) const noexcept;
    static bool wants_utf8(const transaction& t) noexcept;
    static std::uint64_t declared_size(const transaction& t) noexcept;
    void command_taken() noexcept;

    // the octets of one command, slice by slice (session_commands.cpp)
    bool fragment() noexcept;
    std::size_t begin_in(std::span<char> space) noexcept;
    void command_fragment() noexcept;
    void chunk_fragment() noexcept;
    bool end_command(text::writer& to) noexcept;
    bool end_mail(text::writer& to) noexcept;
    std::string_view composed(const text::writer& to) const noexcept;
    [[gnu::cold]] bool parameter_fragment() noexcept;
    std::string_view verb() const noexcept;
    std::string_view command_argument() const noexcept;
    const recipient& current_recipient() const noexcept;
    [[gnu::cold]] void auth_fragment() noexcept;
    [[gnu::cold]] void response_fragment() noexcept;
    bool content_fragment() noexcept;
    void size_parameter(text::writer& to) noexcept;
    void body_parameter(text::writer& to) noexcept;
    [[gnu::cold]] void return_parameter() noexcept;
    [[gnu::cold]] void priority_parameter() noexcept;
    [[gnu::cold]] void notify_parameter() noexcept;
    [[gnu::cold]] void text_parameter() noexcept;
    [[gnu::cold]] bool xtext_fragment() noexcept;
    [[gnu::cold]] bool base64_fragment() noexcept;
    [[gnu::cold]] std::size_t response_size() const noexcept;
    void argument(std::string_view text) noexcept;

    // the cursor of the awaited reply (session_replies.cpp)
    void on_line() noexcept;
    void on_reply() noexcept;
    void note_enhanced_status() noexcept;
    [[gnu::cold]] void on_early_reply() noexcept;
    [[gnu::cold]] void on_service_closing(state at) noexcept;
    [[gnu::cold]] void on_setup_reply(state at) noexcept;
    void on_transaction_reply(state at) noexcept;
    void on_greeting() noexcept;
    void on_ehlo(state at) noexcept;
    void on_starttls() noexcept;
    void on_auth(state at) noexcept;
    void on_mail() noexcept;
    void on_rcpt() noexcept;
    void on_data() noexcept;
    void on_chunk() noexcept;
    void on_end() noexcept;
    bool settle_final(errc e) noexcept;
    [[gnu::cold]] void settle_unsettled(errc e) noexcept;
    void after_ehlo() noexcept;
    void start_auth() noexcept;
    errc choose_mechanism() noexcept;
    void answer_challenge() noexcept;
    [[gnu::cold]] void learn_mechanisms(std::string_view line) noexcept;
    void await_next_reply() noexcept;
    bool expects_reply() const noexcept;

    // ends (session.cpp)
    void settle(recipient& r, errc e, disposition d, bool with_reply) noexcept;
    void settle_by_reply(recipient& r, errc e) noexcept;
    [[gnu::cold]] void settle_all(transaction& t, errc e, bool with_reply) noexcept;
    [[gnu::cold]] void abandon() noexcept;
    [[gnu::cold]] void leave() noexcept;
    void complete() noexcept;
    void go(state s) noexcept;
    [[gnu::cold]] void fail(errc e) noexcept;
    [[gnu::cold]] void refuse(errc e) noexcept;
    [[gnu::cold]] void close() noexcept;
    void settle_rest(errc e, bool with_reply) noexcept;
    const transaction* fault_of(errc e) const noexcept;
    stage current_stage() const noexcept;
    std::uint32_t current_timeout() const noexcept;
    bool output_pending() const noexcept { return fresh_ || !slice_.empty() || taken_ != handed_; }

    const session_config& config_;
    reply_reader reader_;
    capabilities capabilities_;
    reply last_reply_;
    content_encoder encoder_;

    instant deadline_ = never;
    instant transaction_deadline_ = never;

    transaction* in_transaction_ = nullptr;   // the oldest that is not completed
    transaction* out_transaction_ = nullptr;  // the one being sent
    transaction* next_transaction_ = nullptr; // the oldest of which nothing was sent
    transaction* last_transaction_ = nullptr; // the newest submitted
    mechanism* mechanism_ = nullptr;

    std::string_view slice_; // what output() gives
    std::string_view lent_; // of a parameter in xtext, a query's argument, or content that is in no chunk yet
    std::uint32_t taken_ = 0; // octets of output so far, modulo 2^32
    std::uint32_t handed_ = 0;
    std::uint32_t first_end_ = 0; // where the first command of the unanswered run ends
    std::uint32_t secret_offset_ = 0;
    std::array<char, 56> scratch_{}; // the longest: "> SIZE=(20 digits) BODY=BINARYMIME SMTPUTF8" CRLF
    std::size_t chunk_ = 0;          // octets of the chunk that BDAT announces
    std::uint16_t in_recipient_ = 0; // whose reply comes next
    std::uint16_t owed_ = 1;         // replies that are still to come; the first one is the greeting
    std::uint16_t in_flight_ = 0;    // transactions submitted and not completed
    std::uint8_t fragment_ = 0;      // which fragment of out_ comes next
    std::uint8_t parameter_ = 0;     // which parameter of MAIL or RCPT
    std::uint8_t secret_part_ = 0;
    std::uint8_t auth_rounds_ = 0;
    state out_ = state::greeting;
    state in_ = state::greeting;
    query query_ = query::noop;
    errc error_ = errc::ok;
    stage failed_at_ = stage::connect;

    bool sending_ : 1 = false; // fragments of out_ are still to come
    bool fresh_ : 1 = false;   // the first of them, and it is a verb
    bool content_slice_ : 1 = false;
    bool needs_content_ : 1 = false;
    bool content_last_ : 1 = false; // lent_ ends the content
    bool lone_dot_ : 1 = false;     // end DATA without content (RFC 2920 3.1)
    bool needs_reset_ : 1 = false;  // the last transaction failed
    bool restart_timer_ : 1 = true;
    bool restart_transaction_timer_ : 1 = false;
    bool early_ : 1 = false; // the reply being read began before its command was handed over
    bool first_line_ : 1 = true;
    bool quit_requested_ : 1 = false;
    bool initial_response_ : 1 = false; // the mechanism has a response that was not sent yet
    bool extended_ : 1 = false;
    bool authenticated_ : 1 = false;
    bool tls_active_ : 1 = false;
    bool tls_verified_ : 1 = false;
};

} // namespace postrider
