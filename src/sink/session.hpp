// session.hpp - the server side of one SMTP or LMTP session, without I/O.
//
// Octets go in by consume(), replies gather in output(), and next() says what the line is to do. Because all
// replies of one consume() stand in one buffer, a pipelined group is answered by one write (RFC 2920 3.2).
#pragma once

#include "sink/content.hpp"
#include "sink/sink.hpp"
#include "sink/store.hpp"
#include "sink/syntax.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace postrider::sink {

/// What all sessions of a server share. Written by the server's thread, counters read by any.
struct shared_state {
    config settings;
    std::atomic<std::uint64_t> connections{0};
    std::atomic<std::uint64_t> messages{0};
    std::atomic<std::uint64_t> octets{0};
    std::atomic<std::uint64_t> refused{0};
    std::array<std::uint64_t, stage_count> faults_struck{};
    bool draining = false; ///< no new transactions: 421
    /// Called with each accepted message, after the counters moved.
    std::function<void(const received&)> accepted;
};

/// What the line is to do once output() was written.
enum class action : std::uint8_t {
    read,      ///< go on
    start_tls, ///< the client asks for it: call answer_starttls() before writing
    handshake, ///< the 220 is in output(): start TLS, then tls_started()
    close,     ///< close in good order
    cut,       ///< close at once, TLS without a closing alert
    reset,     ///< close with RST
    stall      ///< neither read nor write until the client goes
};

class session {
  public:
    /// `shared` outlives the session. `peer` is for the record.
    session(shared_state& shared, std::string peer);

    /// Puts the greeting into output().
    void greet();
    /// Uses octets up from the front and returns how many; what is left comes again with more behind it.
    /// Stops early when next() is not read or output() is full.
    std::size_t consume(std::string_view in);
    /// Answers STARTTLS. `plaintext_behind`: octets came behind the command in the clear, which is an attack
    /// or a broken client (RFC 3207 6); they are never read.
    void answer_starttls(bool plaintext_behind);
    /// The handshake is done: everything learnt before is forgotten (RFC 3207 4.2).
    void tls_started(std::string version, std::string cipher);
    /// A fault at a stage the line sees before the session does; true when one struck.
    bool strikes(stage where);
    /// 421 and close; the content on its way is dropped.
    void farewell(std::string_view enhanced, std::string_view text);

    std::string& output() noexcept { return out_; }
    bool output_full() const noexcept { return out_.size() >= output_limit; }
    action next() const noexcept { return next_; }
    /// Content is on its way, or commands of a transaction came.
    bool in_transaction() const noexcept { return in_mail_; }

  private:
    enum class mode : std::uint8_t { command, over_long, user, password, plain, dotted, chunk };
    struct verb {
        std::string_view name;
        void (session::*run)(std::string_view);
    };
    static constexpr std::size_t output_limit = 64U << 10U;

    // session.cpp: lines in, replies out
    std::size_t take_line(std::string_view in);
    std::size_t skip_line(std::string_view in);
    void handle_line(std::string_view line);
    void dispatch(std::string_view line);
    void reply(int code, std::string_view enhanced, std::string_view text);
    void reply(const problem& what) { reply(what.code, what.enhanced, what.text); }
    void refuse(const problem& what);
    void refuse_with(int code, std::string_view default_enhanced, std::string_view text,
                     std::string_view fallback);
    void mistake(std::string_view enhanced, int code, std::string_view text);
    bool no_argument(std::string_view argument);
    bool offers(std::string_view keyword) const;
    bool auth_open() const;
    void trace(char direction, std::string_view line) const;
    void finish_with(action what) noexcept { next_ = what; }

    void ehlo(std::string_view argument);
    void helo(std::string_view argument);
    void lhlo(std::string_view argument);
    void hello(std::string_view argument, bool extended);
    void list_keywords();
    void starttls(std::string_view argument);
    void rset(std::string_view argument);
    void noop(std::string_view argument);
    void vrfy(std::string_view argument);
    void expn(std::string_view argument);
    void help(std::string_view argument);
    void quit(std::string_view argument);

    // session_auth.cpp: RFC 4954
    problem may_authenticate() const;
    void auth(std::string_view argument);
    void auth_line(std::string_view line);
    void auth_plain(std::string_view encoded);
    void auth_user(std::string_view encoded);
    void auth_password(std::string_view encoded);
    void auth_verdict(std::string& user, std::string& password);
    bool decode(std::string_view encoded, std::string& out);

    // session_mail.cpp: the transaction
    void mail(std::string_view argument);
    void rcpt(std::string_view argument);
    void data(std::string_view argument);
    void bdat(std::string_view argument);
    problem may_start_mail() const;
    problem take_mail_parameters(const path_argument& path);
    problem take_mail_parameter(const parameter& one);
    problem take_body(const parameter& one);
    problem take_size(const parameter& one);
    problem take_dsn(const parameter& one);
    problem take_auth(const parameter& one);
    problem take_rcpt_parameters(const path_argument& path, recipient& to);
    void refuse_recipient(std::string_view address, const refusal& why);
    problem may_send_content() const;
    problem may_send_chunk() const;
    void begin_content();
    std::size_t take_dotted(std::string_view in);
    std::size_t take_chunk(std::string_view in);
    void take_slice(std::string_view slice);
    void end_chunk();
    void end_content();
    problem judge_content() const;
    void keep();
    void reject(int code, std::string_view subject, std::string_view text, std::string_view fallback);
    void judge_deliveries();
    void move_refused_deliveries();
    void reply_accepted();
    void note_oddities();
    std::string protocol() const;
    void reset_transaction();

    shared_state& shared_;
    const config& settings_;
    store store_;
    std::string out_;
    action next_ = action::read;
    mode mode_ = mode::command;

    std::string peer_;
    std::string client_name_;
    std::string tls_version_;
    std::string tls_cipher_;
    std::string user_;
    std::string login_name_; // AUTH LOGIN between its two answers
    bool greeted_ = false;
    bool extended_ = false; // EHLO or LHLO, not HELO
    bool over_long_was_auth_ = false;
    unsigned mistakes_ = 0;

    bool in_mail_ = false;
    bool chunk_failed_ = false; // RFC 3030 2: RSET must come first
    bool chunk_last_ = false;
    bool content_seen_ = false;
    bool store_failed_ = false;
    bool chunk_answered_ = false; // a fault has spoken already: the chunk is only read
    problem chunk_problem_{};     // the chunk is read and thrown away, then this is said
    std::uint64_t chunk_left_ = 0;
    received mail_;
    std::vector<const refusal*> verdicts_; // LMTP: per recipient, null where the mail is accepted
    dot_reader dots_;
    content_facts facts_;
};

} // namespace postrider::sink
