// The sender's cursor: what goes out next, and how far ahead of the replies.
#include "postrider/session.hpp"
#include "session_table.hpp"
#include "text.hpp"

namespace postrider {

namespace {

// How many BDAT chunks may wait for their replies: enough to fill a long line, few enough to stop early after
// a refusal.
constexpr unsigned max_chunks_ahead = 8;

constexpr std::size_t max_recipients = 0xFFFF; // what the counters of a transaction hold

struct envelope_traits {
    bool is_writable; // as MAIL and RCPT
    bool wants_dsn;
};

// RFC 3461 4.4 and 5.2: what is written as xtext is printable ASCII; an address may be UTF-8 (RFC 6533).
envelope_traits look_at(const transaction& t) noexcept {
    envelope_traits found{t.recipients.size() <= max_recipients && !text::has_control(t.envelope_id) &&
                              text::is_ascii(t.envelope_id),
                          t.ret != return_content::unset || !t.envelope_id.empty()};
    for (const recipient& r : t.recipients) {
        const bool original = !r.original.empty();
        found.wants_dsn = found.wants_dsn || original || r.notify != notify::unset;
        found.is_writable =
            found.is_writable && !r.path.empty() && !(original && text::has_control(r.original));
    }
    return found;
}

} // namespace

// Fills slice_, as far as there is something to send now.
void session::produce() noexcept {
    choose();
    while (fresh_ && slice_.empty()) {
        next_fragment();
        choose();
    }
}

// As far as the beginning of a command, whose octets are left to whoever asks for them.
void session::choose() noexcept {
    while (slice_.empty() && !fresh_ && !needs_content_ && out_ != state::closed) {
        if (sending_) {
            next_fragment();
        } else if (!step()) {
            return;
        }
    }
}

// The next slice of the command being sent, or its end.
void session::next_fragment() noexcept {
    fresh_ = false;
    if (fragment_ == session_table::no_fragment || !fragment()) {
        sending_ = false;
        command_taken();
    }
}

// The last octet of a command was taken: a reply is owed.
void session::command_taken() noexcept {
    if (owed_ == 0) {
        in_ = out_;
        first_end_ = taken_;
        restart_timer_ = true;
    }
    ++owed_;
    if (out_transaction_ == nullptr) {
        return;
    }
    transaction::progress& p = out_transaction_->progress_;
    p.sent_recipients = static_cast<std::uint16_t>(p.sent_recipients + (out_ == state::rcpt ? 1 : 0));
    p.sent_data = p.sent_data || out_ == state::data;
    p.sent_chunks += out_ == state::bdat ? 1 : 0;
    if (out_ == state::content || (out_ == state::bdat && content_last_ && lent_.empty())) {
        p.sent_end = true;
        p.end_offset = taken_;
        out_transaction_ = nullptr;
        go(state::ready);
    }
}

// Chooses the next command; false when nothing may be sent now.
bool session::step() noexcept {
    switch (out_) {
    case state::ready:
        return start_transaction();
    case state::rset:
        return may_follow() && begin(state::mail);
    case state::mail:
    case state::rcpt:
        return after_envelope();
    case state::bdat:
        return next_chunk();
    default: // the reply decides
        return false;
    }
}

bool session::begin(state s) noexcept {
    if (owed_ == 0 && !reader_.at_start()) {
        fail(errc::unsolicited_reply); // half a reply is there already, and nobody asked
        return false;
    }
    go(s);
    sending_ = true;
    fresh_ = !session_table::verb(s).empty();
    fragment_ = 0;
    parameter_ = s == state::rcpt ? session_table::rcpt_parameters : session_table::mail_parameters;
    return true;
}

bool session::may_follow() const noexcept {
    return owed_ == 0 ||
           (feature::pipelining && config_.use_pipelining && capabilities_.has(keyword::pipelining) &&
            owed_ < config_.max_outstanding && session_table::others_may_follow(out_));
}

// Not behind the end of DATA: there are servers that take that for an offence, allowed as it is (RFC
// 2920 3.1).
bool session::quit_may_follow() const noexcept {
    return in_flight_ == 0 || (may_follow() && !last_transaction_->progress_.sent_data);
}

bool session::start_transaction() noexcept {
    if (next_transaction_ == nullptr) {
        return quit_requested_ && quit_may_follow() && begin(state::quit);
    }
    transaction& t = *next_transaction_;
    if (const errc e = unsendable(t); e != errc::ok) {
        if (in_transaction_ != &t) {
            return false; // transactions are completed in order
        }
        failed_at_ = stage::mail;
        settle_all(t, e, false);
        next_transaction_ = t.progress_.next;
        complete();
        return true;
    }
    if (!may_follow()) {
        return false;
    }
    // Running ahead of a transaction whose replies are not all known, or after one that failed: real servers
    // mix up envelopes without an RSET in between.
    t.progress_.reset_first = needs_reset_ || owed_ > 0;
    if (!begin(t.progress_.reset_first ? state::rset : state::mail)) {
        return false;
    }
    needs_reset_ = false;
    out_transaction_ = &t;
    next_transaction_ = t.progress_.next;
    restart_transaction_timer_ = restart_transaction_timer_ || in_transaction_ == &t;
    return true;
}

// RFC 6531 3.4, RFC 6533 3
bool session::wants_utf8(const transaction& t) noexcept {
    bool utf8 = t.smtputf8 || t.from.is_utf8();
    for (const recipient& r : t.recipients) {
        utf8 = utf8 || r.path.is_utf8() || !text::is_ascii(r.original);
    }
    return utf8;
}

// What the server is known not to take is settled before MAIL.
errc session::unsendable(const transaction& t) const noexcept {
    if (t.recipients.empty()) {
        return errc::no_recipients;
    }
    const envelope_traits traits = look_at(t);
    if (!traits.is_writable) {
        return errc::bad_argument;
    }
    if (feature::size && capabilities_.size_limit() != 0 && declared_size(t) > capabilities_.size_limit()) {
        return errc::message_too_large;
    }
    if (t.body == body_type::eight_bit && !capabilities_.has(keyword::eight_bit_mime)) {
        return errc::needs_8bitmime;
    }
    if (t.body == body_type::binary && !(feature::chunking && capabilities_.has(keyword::binary_mime) &&
                                         capabilities_.has(keyword::chunking))) {
        return errc::needs_binarymime;
    }
    if (wants_utf8(t) && !(feature::smtputf8 && capabilities_.has(keyword::smtputf8))) {
        return errc::needs_smtputf8;
    }
    return traits.wants_dsn && !(feature::dsn && capabilities_.has(keyword::dsn)) ? errc::needs_dsn
                                                                                  : errc::ok;
}

// After MAIL or a RCPT: the next RCPT, the content, or nothing more because the transaction has failed.
bool session::after_envelope() noexcept {
    transaction& t = *out_transaction_;
    const transaction::progress& p = t.progress_;
    const bool all_sent = p.sent_recipients == t.recipients.size();
    if (has_failed(all_sent)) {
        return leave_when_answered();
    }
    if (!all_sent) {
        return may_follow() && begin(state::rcpt);
    }
    if (t.probe) {
        return leave_when_answered();
    }
    // LMTP answers the content once per accepted recipient: how many that are must be known (RFC 2033 4.2).
    // And who wants all or nothing cannot call the content back once it is sent.
    const bool wait = t.all_or_nothing || (feature::lmtp && config_.protocol == protocol::lmtp);
    if ((wait && owed_ > 0) || !may_follow()) {
        return false;
    }
    return p.content_begun ? next_chunk() : start_content();
}

// Whether nothing more of the transaction shall be sent: it was refused, or all its recipients were.
bool session::has_failed(bool all_sent) const noexcept {
    const transaction::progress& p = out_transaction_->progress_;
    return p.failed || (owed_ == 0 && all_sent && p.accepted == 0);
}

// Leaves the transaction as soon as no reply is outstanding; false while one is.
bool session::leave_when_answered() noexcept {
    if (owed_ > 0) {
        return false;
    }
    if (out_transaction_->probe && out_transaction_->progress_.accepted > 0) {
        leave(); // what was accepted stays so
    } else {
        abandon();
    }
    return true;
}

bool session::start_content() noexcept {
    transaction& t = *out_transaction_;
    t.progress_.content_begun = true;
    lone_dot_ = false;
    const bool binary = t.body == body_type::binary;
    const bool chunks =
        feature::chunking && capabilities_.has(keyword::chunking) && (config_.use_chunking || binary);
    const bool one = !t.more_content && (config_.max_chunk == 0 || t.content.size() < config_.max_chunk);
    const bool as_it_is = binary || (chunks && one && t.canonical);
    encoder_ = content_encoder{as_it_is ? content_encoder::framing::binary
                               : chunks ? content_encoder::framing::counted
                                        : content_encoder::framing::dots};
    lent_ = t.content;
    content_last_ = !t.more_content;
    return chunks ? next_chunk() : begin(state::data);
}

// The next BDAT command (RFC 3030 2), or a wish for more content.
bool session::next_chunk() noexcept {
    if (!feature::chunking || has_failed(true)) {
        return feature::chunking && leave_when_answered();
    }
    const bool far_ahead = out_transaction_->progress_.sent_chunks > 0 && owed_ >= max_chunks_ahead;
    needs_content_ = lent_.empty() && !content_last_ && may_follow() && !far_ahead;
    return !needs_content_ && !far_ahead && may_follow() && start_chunk();
}

bool session::start_chunk() noexcept {
    bool begun = false;
    if constexpr (feature::chunking) {
        const bool fits = config_.max_chunk == 0 || lent_.size() < config_.max_chunk;
        const std::size_t raw = fits ? lent_.size() : config_.max_chunk;
        const bool last = content_last_ && raw == lent_.size();
        encoder_.lend(text::prefix(lent_, raw), last);
        lent_ = text::without(lent_, raw);
        const result<std::size_t> size = encoder_.measure();
        if (!size) {
            failed_at_ = stage::content;
            settle_all(*out_transaction_, size.error(), false);
            out_transaction_->progress_.failed = true;
            return true;
        }
        if (*size == 0 && !last) {
            encoder_.next(); // only a CR, which it holds back for what follows
            return true;
        }
        chunk_ = *size;
        begun = begin(state::bdat);
    }
    return begun;
}

} // namespace postrider
