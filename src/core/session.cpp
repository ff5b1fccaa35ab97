// How a session lives and ends: time, the entry points of the driver, and what becomes of the transactions
// when the line breaks. The sender's cursor is in session_output.cpp, the cursor of the replies in
// session_replies.cpp.
#include "postrider/session.hpp"

#include "session_table.hpp"
#include "text.hpp"

namespace postrider {

disposition disposition_of(errc e) noexcept {
    switch (e) {
    case errc::bad_address:
    case errc::address_too_long:
    case errc::bad_argument:
    case errc::no_recipients:
    case errc::content_has_nul:
    case errc::bad_message:
    case errc::bad_configuration:
    case errc::message_too_large:
    case errc::needs_8bitmime:
    case errc::needs_binarymime:
    case errc::needs_smtputf8:
    case errc::needs_dsn:
    case errc::host_not_found:
    case errc::starttls_unavailable:
    case errc::tls_certificate:
    case errc::auth_unavailable:
    case errc::auth_needs_tls:
    case errc::auth_refused:
    case errc::auth_challenge:
        return disposition::permanent;
    default:
        return disposition::transient;
    }
}

bool ends_session(errc e) noexcept {
    switch (e) {
    case errc::connection_lost:
    case errc::timed_out:
    case errc::cancelled:
    case errc::tls_truncated:
    case errc::service_closing:
    case errc::malformed_reply:
    case errc::mixed_codes:
    case errc::reply_line_too_long:
    case errc::reply_too_long:
    case errc::unexpected_reply:
    case errc::unsolicited_reply:
    case errc::session_closed:
        return true;
    default:
        return false;
    }
}

session::session(const session_config& config, std::span<char> reply_space) noexcept
    : config_(config), reader_(reply_space) {}

want session::next(instant now) noexcept {
    choose();
    if (restart_timer_) {
        restart_timer_ = false;
        const std::uint32_t timeout = current_timeout();
        deadline_ = timeout == 0 ? never : now + timeout;
    }
    if (restart_transaction_timer_) {
        restart_transaction_timer_ = false;
        transaction_deadline_ =
            config_.timeouts.transaction == 0 ? never : now + config_.timeouts.transaction;
    }
    if (now >= deadline()) {
        fail(errc::timed_out);
    }
    if (is_leaving() && !sending_ && !output_pending()) {
        close();
    }
    if (out_ == state::closed) {
        return want::closed;
    }
    if (output_pending()) {
        return want::write;
    }
    if (out_ == state::tls) {
        return want::start_tls;
    }
    if (needs_content_) {
        return want::content;
    }
    return owed_ > 0 ? want::read : want::ready;
}

// While output is on its way the clock is that of a data block and starts again with each write; then it is
// that of the oldest awaited reply. Partial replies never extend it (RFC 5321 4.5.3.2 speaks of the whole
// reply).
std::uint32_t session::current_timeout() const noexcept {
    // Octets that were taken but not handed over are still on their way, in a buffer of the driver's.
    if (output_pending() || taken_ != handed_) {
        return config_.timeouts.data_block;
    }
    if (out_ == state::tls) {
        return config_.timeouts.command;
    }
    return owed_ > 0 ? session_table::timeout_of(in_, config_.timeouts) : 0;
}

instant session::deadline() const noexcept {
    return deadline_ < transaction_deadline_ ? deadline_ : transaction_deadline_;
}

std::string_view session::output() noexcept {
    produce();
    return slice_;
}

bool session::output_is_content() const noexcept {
    return content_slice_;
}

bool session::output_is_secret() const noexcept {
    return (out_ == state::auth || out_ == state::auth_response) && slice_.data() >= scratch_.data() &&
           slice_.data() < scratch_.data() + scratch_.size();
}

void session::taken(std::size_t size) noexcept {
    slice_ = text::without(slice_, size);
    taken_ += static_cast<std::uint32_t>(size);
    // A command whose last octet is gone is owed a reply from now on, even if the driver asks for no more
    // output.
    produce();
}

// As output() and taken() in turn, without a slice for each part of a command.
std::size_t session::take_commands(std::span<char> space) noexcept {
    std::size_t size = 0;
    const auto copied = [this, &size](std::size_t octets) {
        size += octets;
        taken_ += static_cast<std::uint32_t>(octets);
    };
    for (choose(); !slice_.empty() || fresh_; choose()) {
        if (fresh_) {
            copied(begin_in(space.subspan(size)));
        } else if (content_slice_ || output_is_secret() || slice_.size() > space.size() - size) {
            break;
        } else {
            text::copy(slice_, space.data() + size);
            copied(slice_.size());
            slice_ = {};
        }
    }
    return size;
}

void session::handed(std::size_t size) noexcept {
    handed_ += static_cast<std::uint32_t>(size);
    restart_timer_ = restart_timer_ || size > 0;
}

void session::received(std::string_view octets) noexcept {
    while (!octets.empty() && out_ != state::closed) {
        if (out_ == state::tls) {
            // RFC 3207 6: what came in clear behind the 220 could be passed off as said inside TLS.
            fail(errc::starttls_injection);
            return;
        }
        if (reader_.at_start()) {
            early_ = !expects_reply();
            first_line_ = true;
        }
        switch (reader_.feed(octets)) {
        case reply_reader::event::line:
            on_line();
            break;
        case reply_reader::event::complete:
            on_line();
            on_reply();
            break;
        case reply_reader::event::failed:
            fail(reader_.error());
            break;
        case reply_reader::event::more:
            break;
        }
    }
}

void session::tls_started(bool verified) noexcept {
    tls_active_ = true;
    tls_verified_ = verified;
    restart_timer_ = true;
    if (out_ == state::tls) {
        // RFC 3207 4.2: forget everything learnt before.
        reader_.reset();
        capabilities_ = {};
        begin(state::ehlo);
    }
}

void session::lost(errc why) noexcept {
    fail(why);
}

void session::lend(std::string_view part, bool last) noexcept {
    needs_content_ = false;
    restart_timer_ = true;
    content_last_ = last;
    if (out_ == state::content) {
        encoder_.lend(part, last);
    } else {
        lent_ = part;
    }
}

void session::content_failed(errc why) noexcept {
    fail(why);
}

bool session::can_submit() const noexcept {
    return out_ != state::quit && out_ != state::closed && !quit_requested_ && in_flight_ < config_.window;
}

void session::submit(transaction& t) noexcept {
    t.progress_ = {};
    for (recipient& r : t.recipients) {
        r.result = {};
    }
    if (in_transaction_ == nullptr) {
        in_transaction_ = &t;
    } else {
        last_transaction_->progress_.next = &t;
    }
    if (next_transaction_ == nullptr) {
        next_transaction_ = &t;
    }
    last_transaction_ = &t;
    ++in_flight_;
}

errc session::ask(query q, std::string_view argument) noexcept {
    if (!feature::queries || out_ != state::ready || owed_ > 0) {
        return errc::session_closed;
    }
    if (text::has_control(argument)) {
        return errc::bad_argument;
    }
    query_ = q;
    lent_ = argument;
    return begin(state::query) ? errc::ok : error_;
}

void session::quit() noexcept {
    quit_requested_ = true;
}

void session::settle(recipient& r, errc e, disposition d, bool with_reply) noexcept {
    outcome& o = r.result;
    o.status = d;
    o.error = e;
    o.at = failed_at_;
    if (!with_reply) {
        o.code = 0;
        o.enhanced = {};
        o.text = {};
        return;
    }
    o.code = last_reply_.code;
    o.enhanced = last_reply_.enhanced;
    const std::size_t size =
        last_reply_.text.size() < r.text_space.size() ? last_reply_.text.size() : r.text_space.size();
    text::copy({last_reply_.text.data(), size}, r.text_space.data());
    o.text = {r.text_space.data(), size};
}

// What the server's last reply means for a recipient: e is what to call it when the server refused.
void session::settle_by_reply(recipient& r, errc e) noexcept {
    if (last_reply_.positive()) {
        settle(r, errc::ok, disposition::delivered, true);
    } else {
        settle(r, e, last_reply_.permanent() ? disposition::permanent : disposition::transient, true);
    }
}

// The line is gone, or nothing more will be sent: what is not settled is now, by the rule for doubt
// (outcome.hpp).
void session::settle_all(transaction& t, errc e, bool with_reply) noexcept {
    const bool doubt = beyond_recall(t);
    for (recipient& r : t.recipients) {
        if (!r.result.settled()) {
            settle(r, e, doubt ? disposition::in_doubt : disposition_of(e), with_reply);
        }
    }
}

// The transaction being sent has failed and no reply is outstanding: leave it.
void session::abandon() noexcept {
    transaction& t = *out_transaction_;
    failed_at_ = stage::rcpt;
    bool permanent = false;
    for (const recipient& r : t.recipients) {
        permanent = permanent || r.result.status == disposition::permanent;
    }
    for (recipient& r : t.recipients) {
        if (!r.result.settled()) {
            settle(r, errc::others_refused, permanent ? disposition::permanent : disposition::transient,
                   false);
        }
    }
    leave();
}

// Nothing more of the transaction is sent, and no reply is outstanding; the server still holds its envelope.
void session::leave() noexcept {
    needs_reset_ = true;
    go(state::ready);
    complete();
}

// The oldest transaction is settled: the engine lets go of it.
void session::complete() noexcept {
    transaction& t = *in_transaction_;
    in_transaction_ = t.progress_.next;
    if (out_transaction_ == &t) {
        out_transaction_ = nullptr;
    }
    in_recipient_ = 0;
    in_ = state::ready;
    --in_flight_;
    transaction_deadline_ = never;
    restart_transaction_timer_ = in_transaction_ != nullptr && in_transaction_ != next_transaction_;
    t.progress_.completed = true;
}

// One step of the sender's cursor.
void session::go(state s) noexcept {
    if constexpr (feature::checked) {
        if (!session_table::allows(out_, s)) {
            __builtin_trap(); // GCOV_EXCL_LINE
        }
    }
    out_ = s;
    restart_timer_ = true;
}

stage session::current_stage() const noexcept {
    // In the middle of the content nothing is awaited yet; otherwise the oldest awaited reply is what is
    // missing.
    return session_table::stage_of(owed_ > 0 ? in_ : out_);
}

// Broken beyond repair: close at once.
void session::fail(errc e) noexcept {
    if (out_ == state::closed) {
        return;
    }
    if (out_ != state::quit || in_flight_ > 0) { // whatever becomes of QUIT itself is no error
        if (e != errc::unexpected_reply) {       // on_reply() has said where that one belongs
            failed_at_ = current_stage();
        }
        error_ = e;
        settle_rest(e, e == errc::service_closing);
    }
    close();
}

// The server said no before the session was ready; the line itself is in order: take leave with QUIT.
void session::refuse(errc e) noexcept {
    error_ = e;
    settle_rest(e, true);
    begin(state::quit);
}

// The transaction whose own content or arguments ended the session; null when it was the session itself.
const transaction* session::fault_of(errc e) const noexcept {
    switch (e) {
    case errc::content_has_nul:
    case errc::content_unreadable:
    case errc::content_refused:
    case errc::bad_argument:
        return out_transaction_;
    default:
        return nullptr;
    }
}

void session::settle_rest(errc e, bool with_reply) noexcept {
    const transaction* const at_fault = fault_of(e);
    while (in_transaction_ != nullptr) {
        const bool bystander = at_fault != nullptr && in_transaction_ != at_fault;
        settle_all(*in_transaction_, bystander ? errc::session_closed : e, with_reply);
        complete();
    }
    next_transaction_ = last_transaction_ = nullptr;
    needs_content_ = false;
    restart_transaction_timer_ = false;
}

void session::close() noexcept {
    go(state::closed);
    scratch_ = {}; // it may have held a credential
    slice_ = {};
    sending_ = fresh_ = false;
    needs_content_ = false;
    owed_ = 0;
    deadline_ = never;
    taken_ = handed_;
}

} // namespace postrider
