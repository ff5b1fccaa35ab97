// The cursor of the awaited reply: each reply lands on the command, the recipient and the transaction it
// belongs to.
#include "postrider/session.hpp"
#include "session_table.hpp"
#include "text.hpp"

namespace postrider {

namespace {

constexpr unsigned max_auth_rounds = 8;

// Most have one digit each: "2.1.5 ".
bool is_short(std::string_view text) noexcept {
    return text.size() > 5 && text::is_digit(text[0]) && text[1] == '.' && text::is_digit(text[2]) &&
           text[3] == '.' && text::is_digit(text[4]) && text[5] == ' ';
}

constexpr std::uint8_t digit(char c) noexcept {
    return static_cast<std::uint8_t>(c - '0');
}

} // namespace

// A reply may come only once the command it answers was handed over whole.
bool session::expects_reply() const noexcept {
    return owed_ > 0 && static_cast<std::int32_t>(handed_ - first_end_) >= 0;
}

// Of the EHLO reply each line counts for itself, so that its length does not matter.
void session::on_line() noexcept {
    if (in_ != state::ehlo || early_ || reader_.code() != 250) {
        return;
    }
    if (!first_line_ && capabilities_.learn(reader_.line()) == keyword::auth) {
        learn_mechanisms(reader_.line());
    }
    first_line_ = false;
    if (!reader_.at_start()) {
        reader_.drop_text();
    }
}

void session::learn_mechanisms(std::string_view line) noexcept {
    next_word(line, true);
    capabilities_.drop_mechanisms(); // the last AUTH line holds
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
        if (line.empty() && reader_.truncated()) {
            return; // half a word is not a mechanism, even if it is spelt like one
        }
        for (unsigned i = 0; i < config_.mechanisms.size(); ++i) {
            if (equal_ignoring_case(word, config_.mechanisms[i]->name())) {
                capabilities_.add_mechanism(i);
            }
        }
    }
}

void session::on_reply() noexcept {
    last_reply_.code = reader_.code();
    last_reply_.text = reader_.text();
    last_reply_.truncated = reader_.truncated();
    if constexpr (feature::enhanced_status) {
        note_enhanced_status();
    }
    if (early_) {
        on_early_reply();
        return;
    }
    const state at = in_;
    if (error_ == errc::ok) { // otherwise it is QUIT's, and where it broke is known
        failed_at_ = session_table::stage_of(at);
    }
    --owed_;
    first_end_ = handed_; // of the rest of the run only the end of a content is checked again
    restart_timer_ = true;
    if (last_reply_.code == 421 && at != state::quit) {
        on_service_closing(at);
    } else if (at < state::rset) {
        on_setup_reply(at);
    } else {
        on_transaction_reply(at);
    }
    if (owed_ > 0) {
        await_next_reply();
    }
}

// Each member on its own: a status that is put together and then copied as a whole has to be waited for.
void session::note_enhanced_status() noexcept {
    const std::string_view text = last_reply_.text;
    enhanced_status& s = last_reply_.enhanced;
    if (feature::fast_scan && is_short(text) && digit(text[0]) == last_reply_.first_digit()) {
        s.class_digit = digit(text[0]);
        s.subject = digit(text[2]);
        s.detail = digit(text[4]);
    } else {
        s = parse_enhanced_status(text, last_reply_.first_digit());
    }
}

// Nobody asked for it (or not yet): 421 is how a server takes leave, and content may be refused before it has
// ended. Everything else is a broken or a lying server, and nothing it says can be told apart any more.
void session::on_early_reply() noexcept {
    const bool amid_content = out_ == state::content || out_ == state::bdat;
    if (last_reply_.code == 421) {
        fail(errc::service_closing);
        return;
    }
    if (amid_content && owed_ == 0 && (last_reply_.transient() || last_reply_.permanent())) {
        failed_at_ = stage::content;
        settle_unsettled(
            errc::content_refused); // owing nothing, the oldest transaction is the one being sent
        fail(errc::content_refused);
        return;
    }
    fail(errc::unsolicited_reply);
}

// The reply is a 421: it settles what it answers, the rest is settled by the rule for doubt.
void session::on_service_closing(state at) noexcept {
    if (at == state::content || (at == state::bdat && in_transaction_->progress_.last_chunk_awaited())) {
        settle_final(errc::service_closing);
    } else if (at == state::rcpt) {
        recipient& r = in_transaction_->recipients[in_recipient_];
        if (!r.result.settled()) {
            settle_by_reply(r, errc::service_closing);
        }
    } else if (at == state::mail || at == state::data || at == state::bdat) {
        settle_unsettled(errc::service_closing); // without it there is no message, whatever was sent behind
    }
    error_ = errc::service_closing;
    settle_rest(errc::service_closing, true);
    close();
}

void session::on_setup_reply(state at) noexcept {
    switch (at) {
    case state::greeting:
        on_greeting();
        break;
    case state::ehlo:
    case state::helo:
        on_ehlo(at);
        break;
    case state::starttls:
        on_starttls();
        break;
    default:
        on_auth(at);
        break;
    }
}

void session::on_transaction_reply(state at) noexcept {
    const bool final_class = last_reply_.first_digit() != 3;
    // QUIT's own reply in the place of another one: what was in front of QUIT has none.
    const bool overtakes = last_reply_.code == 221 && out_ == state::quit && at != state::quit;
    if (overtakes || (!final_class && at != state::data && at != state::query && at != state::quit)) {
        fail(errc::unexpected_reply);
        return;
    }
    switch (at) {
    case state::rset:
        if (!last_reply_.positive()) {
            fail(errc::unexpected_reply); // whose envelope the server now holds is unknown
        }
        break;
    case state::mail:
        on_mail();
        break;
    case state::rcpt:
        on_rcpt();
        break;
    case state::data:
        on_data();
        break;
    case state::bdat:
        on_chunk();
        break;
    case state::content:
        on_end();
        break;
    case state::quit:
        close();
        break;
    default: // a query
        go(state::ready);
        break;
    }
}

// Which command the next reply answers: the sender's path, one step further.
void session::await_next_reply() noexcept {
    if (in_transaction_ == nullptr) {
        in_ = out_; // QUIT, which went out behind the last of them
        return;
    }
    const transaction::progress& p = in_transaction_->progress_;
    switch (in_) {
    case state::ready: // the transaction before is completed
        in_ = p.reset_first ? state::rset : state::mail;
        break;
    case state::rset:
        in_ = state::mail;
        break;
    case state::mail:
    case state::rcpt:
        in_ = in_recipient_ < p.sent_recipients ? state::rcpt : p.sent_data ? state::data : state::bdat;
        break;
    default:
        in_ = p.sent_data ? state::content : state::bdat;
        break;
    }
}

void session::on_greeting() noexcept {
    if (last_reply_.code == 220 && text::has_control(config_.client_name)) {
        go(config_.use_ehlo ? state::ehlo : state::helo);
        fail(errc::bad_argument); // before any octet of the command is out
    } else if (last_reply_.code == 220) {
        begin(config_.use_ehlo ? state::ehlo : state::helo);
    } else if (last_reply_.transient() || last_reply_.permanent()) {
        refuse(errc::greeting_refused);
    } else {
        fail(errc::unexpected_reply);
    }
}

void session::on_ehlo(state at) noexcept {
    if (last_reply_.code == 250) {
        extended_ = at == state::ehlo;
        after_ehlo();
        return;
    }
    const bool unknown = last_reply_.code == 500 || last_reply_.code == 502 || last_reply_.code == 504;
    if (at == state::ehlo && unknown && !(feature::lmtp && config_.protocol == protocol::lmtp)) {
        begin(state::helo); // RFC 5321 3.2
    } else if (last_reply_.transient() || last_reply_.permanent()) {
        refuse(errc::ehlo_refused);
    } else {
        fail(errc::unexpected_reply);
    }
}

void session::after_ehlo() noexcept {
    const bool in_clear = !tls_active_ && config_.tls != tls_policy::none;
    if (feature::starttls && in_clear && config_.tls != tls_policy::implicit &&
        capabilities_.has(keyword::starttls)) {
        begin(state::starttls);
    } else if (in_clear && config_.tls != tls_policy::opportunistic) {
        refuse(errc::starttls_unavailable);
    } else {
        start_auth();
    }
}

void session::on_starttls() noexcept {
    if (last_reply_.code == 220) {
        go(state::tls);
    } else if (!last_reply_.transient() && !last_reply_.permanent()) {
        fail(errc::unexpected_reply);
    } else if (config_.tls == tls_policy::required) {
        refuse(errc::starttls_refused);
    } else {
        start_auth();
    }
}

void session::start_auth() noexcept {
    if (config_.mechanisms.empty() || (config_.optional_auth && !capabilities_.has(keyword::auth))) {
        go(state::ready);
        return;
    }
    if (const errc e = choose_mechanism(); e != errc::ok) {
        refuse(e);
        return;
    }
    initial_response_ = mechanism_->start();
    secret_part_ = 0;
    secret_offset_ = 0;
    begin(state::auth);
}

// The first mechanism that the server lists and that this line may carry. There is no second try: a server
// that fails the strong one must not get the weak one.
errc session::choose_mechanism() noexcept {
    const bool secure = config_.allow_auth_in_clear || (tls_active_ && tls_verified_);
    unsigned listed = capabilities_.mechanisms();
    if (listed == 0 && config_.try_unlisted_mechanism) {
        listed = 1U << config_.unlisted_mechanism;
    }
    for (unsigned i = 0; i < config_.mechanisms.size(); ++i) {
        const bool usable = secure || !config_.mechanisms[i]->needs_secure_line();
        if ((listed >> i & 1U) != 0 && usable) {
            mechanism_ = config_.mechanisms[i];
            return errc::ok;
        }
    }
    return listed == 0 ? errc::auth_unavailable : errc::auth_needs_tls;
}

void session::on_auth(state at) noexcept {
    scratch_ = {};
    if (at == state::auth_cancel) {
        refuse(errc::auth_challenge);
    } else if (last_reply_.code == 334) {
        answer_challenge();
    } else if (last_reply_.code == 235) {
        // RFC 4954 4: not before the response was sent, whatever the mechanism thinks.
        authenticated_ = !initial_response_ && mechanism_->may_finish();
        if (authenticated_) {
            go(state::ready);
        } else {
            refuse(errc::auth_challenge); // success too early: the server has not proved itself
        }
    } else if (last_reply_.transient() || last_reply_.permanent()) {
        refuse(last_reply_.transient() ? errc::auth_transient : errc::auth_refused);
    } else {
        fail(errc::unexpected_reply);
    }
}

void session::answer_challenge() noexcept {
    secret_part_ = 0;
    secret_offset_ = 0;
    if (initial_response_) { // the server asked for what was held back
        initial_response_ = false;
        begin(state::auth_response);
        return;
    }
    ++auth_rounds_;
    const std::ptrdiff_t size = base64_decode_in_place(reader_.text_in_place(), last_reply_.text.size());
    last_reply_.text = {};              // decoded where it lay
    errc answer = errc::auth_challenge; // it is too long, or there are too many
    if (!last_reply_.truncated && auth_rounds_ <= max_auth_rounds) {
        answer = size < 0 ? mechanism_->respond_to_unreadable()
                          : mechanism_->respond({reader_.text_in_place(), static_cast<std::size_t>(size)});
    }
    begin(answer == errc::ok ? state::auth_response : state::auth_cancel);
}

void session::on_mail() noexcept {
    if (last_reply_.positive()) {
        return;
    }
    transaction& t = *in_transaction_;
    t.progress_.failed = t.progress_.mail_refused = true;
    settle_unsettled(errc::sender_refused);
}

void session::on_rcpt() noexcept {
    transaction& t = *in_transaction_;
    recipient& r = t.recipients[in_recipient_];
    ++in_recipient_;
    if (last_reply_.positive()) {
        ++t.progress_.accepted;
        if (!r.result.settled()) {
            settle(r, errc::ok, disposition::accepted, true);
        }
        return;
    }
    if (!r.result.settled()) {
        settle_by_reply(r, errc::recipient_refused);
    }
    t.progress_.failed = t.progress_.failed || t.all_or_nothing;
}

void session::on_data() noexcept {
    transaction& t = *in_transaction_;
    if (last_reply_.code == 354) {
        if (t.progress_.mail_refused && t.progress_.accepted > 0) {
            fail(errc::unexpected_reply); // under whose name would the content go out?
            return;
        }
        lone_dot_ = t.progress_.failed || t.progress_.accepted == 0;
        encoder_.lend(lent_, content_last_);
        begin(state::content);
        return;
    }
    if (!last_reply_.transient() && !last_reply_.permanent()) {
        fail(errc::unexpected_reply);
        return;
    }
    settle_unsettled(errc::content_refused);
    abandon();
}

// The reply to a BDAT chunk; the one to the last chunk is the reply to the message.
void session::on_chunk() noexcept {
    transaction::progress& p = in_transaction_->progress_;
    if (p.answered_chunks < p.sent_chunks) {
        ++p.answered_chunks;
    }
    if (p.sent_end && p.answered_chunks == p.sent_chunks) {
        on_end();
    } else if (!last_reply_.positive()) {
        p.failed = true;
        settle_unsettled(errc::content_refused);
    }
}

// The reply to the end of the content; with LMTP one for each accepted recipient (RFC 2033 4.2).
void session::on_end() noexcept {
    transaction& t = *in_transaction_;
    if (static_cast<std::int32_t>(handed_ - t.progress_.end_offset) < 0) {
        fail(errc::unsolicited_reply); // the end of the content is still on our side
        return;
    }
    if (settle_final(errc::content_refused)) {
        ++owed_; // LMTP: the next recipient's
        return;
    }
    const bool accepted = last_reply_.positive() && t.progress_.accepted > 0;
    if (accepted && t.progress_.mail_refused) {
        // The sender was refused, and yet recipients and message were taken: under whose name, nobody can
        // tell.
        for (recipient& r : t.recipients) {
            settle(r, errc::unexpected_reply, disposition::in_doubt, true);
        }
    }
    needs_reset_ = needs_reset_ || !accepted;
    complete();
}

// Settles whom the reply to the content speaks of. True when another such reply is to come.
bool session::settle_final(errc e) noexcept {
    const bool each = feature::lmtp && config_.protocol == protocol::lmtp;
    bool settled = false;
    for (recipient& r : in_transaction_->recipients) {
        if (r.result.settled()) {
            continue;
        }
        if (settled) {
            return true;
        }
        settle_by_reply(r, e);
        settled = each;
    }
    return false;
}

void session::settle_unsettled(errc e) noexcept {
    for (recipient& r : in_transaction_->recipients) {
        if (!r.result.settled()) {
            settle_by_reply(r, e);
        }
    }
}

} // namespace postrider
