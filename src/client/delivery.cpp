#include "delivery.hpp"

#include "postrider/message.hpp"
#include "prefetch.hpp"

#include <algorithm>

namespace postrider::line {

namespace {

constexpr std::uint64_t read_once_above = std::uint64_t{4} * 1024 * 1024;

bool is_ascii(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// That a domain beyond ASCII, or one that claims to be an A-label, is genuine (IDNA2008).
errc check_domain(const mailbox& m) {
    const std::string_view domain = m.domain();
    const bool ascii = !m.is_utf8() || is_ascii(domain);
    if ((ascii && domain.find("--") == std::string_view::npos) || domain.front() == '[') {
        return errc::ok;
    }
    const result<std::string> converted = ascii_mailbox("postmaster@" + std::string(domain));
    return converted ? errc::ok : converted.error();
}

// As check_domain(), after the syntax.
template <class Path>
errc parse_path(const std::string& text, Path& to) {
    const result<Path> path = Path::parse(text);
    to = path ? *path : Path{};
    return path ? check_domain(path->address()) : path.error();
}

// The address as this server can take it: with A-labels where it offers no SMTPUTF8 (RFC 6531 3.2). The path
// then refers to `converted`.
template <class Path>
errc spell_for(bool utf8_offered, Path& path, std::string& converted) {
    if (utf8_offered || !path.is_utf8()) {
        return errc::ok;
    }
    result<std::string> with_labels = ascii_mailbox(path.text());
    if (!with_labels) {
        return with_labels.error();
    }
    converted = std::move(*with_labels);
    path = *Path::parse(converted);
    return errc::ok;
}

disposition disposition_of_reply(std::uint16_t code, errc error) noexcept {
    return code >= 500   ? disposition::permanent
           : code >= 400 ? disposition::transient
                         : disposition_of(error);
}

void take_over(const outcome& from, recipient_outcome& to) {
    to.outcome = from.status;
    to.at = from.at;
    to.error = from.error;
    to.code = from.code;
    to.enhanced = from.enhanced;
    to.text.assign(from.text);
}

} // namespace

delivery::delivery(outgoing&& mail, bool probe) : mail_(std::move(mail)), probe_(probe) {
    outcomes_.reserve(mail_.recipients.size());
    for (addressee& to : mail_.recipients) {
        outcomes_.emplace_back().address = std::move(to.address);
    }
}

void delivery::settle(std::size_t index, errc error, stage at, std::string why) {
    recipient_outcome& o = outcomes_[index];
    // What is found here before anything was sent will be found again.
    o.outcome = error == errc::others_refused ? disposition::permanent : disposition_of(error);
    o.at = at;
    o.error = error;
    detail_ = detail_.empty() ? std::move(why) : detail_;
}

void delivery::drop_open(errc error, stage at, const std::string& why) {
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        if (outcomes_[i].outcome == disposition::pending) {
            settle(i, error, at, why);
        }
    }
    detail_ = detail_.empty() ? why : detail_;
}

void delivery::fail(errc error, stage at, const status& why) {
    for (recipient_outcome& o : outcomes_) {
        if (o.outcome == disposition::pending) {
            o.outcome = disposition_of_reply(why.code, error);
            o.at = at;
            o.error = error;
            o.code = why.code;
            o.enhanced = why.enhanced;
            o.text = why.text;
        }
    }
}

delivery::verdict delivery::judge() const {
    verdict v;
    v.delivered = v.nobody_has_it = true;
    for (const recipient& r : recipients_) {
        const outcome& o = r.result;
        v.delivered = v.delivered && o.status == disposition::delivered;
        v.nobody_has_it =
            v.nobody_has_it && o.status != disposition::delivered && o.status != disposition::in_doubt;
        v.out_of_turn = v.out_of_turn || o.code == 503;
        v.fell_with_the_line = v.fell_with_the_line || ends_session(o.error);
        v.bystander = v.bystander || o.error == errc::session_closed;
    }
    return v;
}

bool delivery::parse() {
    parsed_ = true;
    if (mail_.recipients.empty()) {
        detail_ = "the envelope has no recipient";
        return false;
    }
    if (const errc e = parse_path(mail_.from, from_); e != errc::ok) {
        drop_open(e, stage::mail, "the sender " + mail_.from + " is not a valid reverse-path");
        return false;
    }
    paths_.resize(outcomes_.size());
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        parse_recipient(i);
    }
    const auto open = [](const recipient_outcome& o) { return o.outcome == disposition::pending; };
    const auto left = std::count_if(outcomes_.begin(), outcomes_.end(), open);
    if (mail_.all_or_nothing && left < static_cast<std::ptrdiff_t>(outcomes_.size())) {
        drop_open(errc::others_refused, stage::rcpt, "");
        return false;
    }
    return left > 0;
}

void delivery::parse_recipient(std::size_t index) {
    const std::string& text = outcomes_[index].address;
    if (const errc e = parse_path(text, paths_[index]); e != errc::ok) {
        settle(index, e, stage::rcpt, "the recipient " + text + " is not a valid mailbox");
    }
}

bool delivery::prepare(const capabilities& offered) {
    handed_ = 0;
    transaction_.probe = probe_;
    transaction_.all_or_nothing = mail_.all_or_nothing;
    transaction_.ret = mail_.ret;
    transaction_.priority = mail_.priority;
    transaction_.envelope_id = mail_.envelope_id;
    transaction_.smtputf8 = mail_.smtputf8.value_or(false);
    return (probe_ || read_content(offered)) && choose_addresses(offered);
}

bool delivery::read_content(const capabilities& offered) {
    if (mail_.compose) {
        std::string why;
        result<content> composed = mail_.compose(offered, why);
        if (!composed) {
            drop_open(composed.error(), stage::mail, why);
            return false;
        }
        mail_.content = std::move(*composed); // it replaces what was there
    }
    const content& octets = mail_.content;
    // A large one is read once, while it is sent: with 8BITMIME it may turn out either way (RFC 6152 3).
    const bool at_a_glance = octets.size() > read_once_above && offered.has(keyword::eight_bit_mime);
    const result<content_traits> traits = at_a_glance ? octets.traits_at_start() : octets.traits();
    if (!traits) {
        drop_open(traits.error(), stage::mail, "the content cannot be read");
        return false;
    }
    return choose_body(*traits) && lend_first();
}

bool delivery::choose_body(const content_traits& traits) {
    const body_type natural = traits.has_8bit || !traits.whole ? body_type::eight_bit : body_type::seven_bit;
    transaction_.body = mail_.body.value_or(natural);
    if (traits.has_nul && transaction_.body != body_type::binary) {
        drop_open(errc::content_has_nul, stage::mail,
                  "a NUL can only be sent with BINARYMIME, which must be asked for");
        return false;
    }
    if (traits.header_has_8bit && !mail_.smtputf8) {
        if (!traits.header_is_utf8) {
            drop_open(errc::bad_message, stage::mail, "the header is neither ASCII nor UTF-8");
            return false;
        }
        transaction_.smtputf8 = true; // RFC 6532
    }
    total_ = transaction_.body == body_type::binary ? mail_.content.size() : traits.canonical_size;
    transaction_.size = total_;
    // Whatever is mended adds octets. A file may have changed since.
    transaction_.canonical = traits.whole && !traits.has_nul &&
                             traits.canonical_size == mail_.content.size() && mail_.content.is_lasting();
    return true;
}

bool delivery::lend_first() {
    const std::span<const char> whole = mail_.content.in_one_piece();
    if (!whole.empty() && whole.size() <= content::block_size) {
        transaction_.content = {whole.data(), whole.size()};
        return true;
    }
    reader_ = std::make_unique<content::reader>(mail_.content.read());
    unread_ = mail_.content.size();
    const result<std::span<const char>> first = reader_->next();
    if (!first) {
        drop_open(first.error(), stage::mail, "the content cannot be read");
        return false;
    }
    unread_ -= std::min<std::uint64_t>(unread_, first->size());
    transaction_.content = {first->data(), first->size()};
    transaction_.more_content = unread_ > 0;
    return true;
}

void delivery::lend_to(session& s) {
    const result<std::span<const char>> part = reader_->next();
    if (!part || part->empty()) {
        // Shorter than it was: what was promised with SIZE or BDAT cannot be kept.
        detail_ = "the content cannot be read to its end, or became shorter while it was sent";
        s.content_failed(part ? errc::content_unreadable : part.error());
        return;
    }
    unread_ -= std::min<std::uint64_t>(unread_, part->size());
    s.lend({part->data(), part->size()}, unread_ == 0);
}

bool delivery::choose_addresses(const capabilities& offered) {
    const bool utf8 = offered.has(keyword::smtputf8);
    rcpts_.clear();
    rcpts_.reserve(outcomes_.size()); // paths refer to the texts within
    recipients_.clear();
    transaction_.from = from_;
    if (const errc e = spell_for(utf8, transaction_.from, converted_from_); e != errc::ok) {
        drop_open(e, stage::mail, "the sender " + mail_.from + " needs SMTPUTF8");
        return false;
    }
    for (std::size_t i = 0; i < outcomes_.size(); ++i) {
        if (outcomes_[i].outcome == disposition::pending && !add_recipient(i, utf8) && mail_.all_or_nothing) {
            drop_open(errc::others_refused, stage::rcpt, "");
            return false;
        }
    }
    transaction_.recipients = {recipients_.data(), recipients_.size()};
    for (std::size_t i = 0; i < recipients_.size(); ++i) {
        recipients_[i].text_space = rcpts_[i].reply;
    }
    return !recipients_.empty();
}

bool delivery::add_recipient(std::size_t index, bool utf8_offered) {
    const addressee& to = mail_.recipients[index];
    rcpt& mine = rcpts_.emplace_back(index);
    forward_path path = paths_[index];
    if (const errc e = spell_for(utf8_offered, path, mine.converted); e != errc::ok) {
        rcpts_.pop_back();
        settle(index, e, stage::rcpt, "the recipient " + outcomes_[index].address + " needs SMTPUTF8");
        return false;
    }
    recipient& r = recipients_.emplace_back(path);
    r.notify = to.notify;
    r.original = to.original;
    return true;
}

void delivery::leave_in_doubt(errc error) {
    for (std::size_t i = 0; i < recipients_.size(); ++i) {
        const outcome& known = recipients_[i].result;
        recipient_outcome& to = outcomes_[rcpts_[i].index];
        take_over(known, to);
        if (!known.settled()) {
            to.outcome = disposition::in_doubt;
            to.at = stage::content;
            to.error = error;
        }
    }
}

send_result delivery::take_results() {
    send_result done;
    if (transaction_.completed()) {
        done.recipients = std::move(outcomes_);
        for (std::size_t i = 0; i < recipients_.size(); ++i) {
            take_over(recipients_[i].result, done.recipients[rcpts_[i].index]);
        }
    } else {
        done.recipients = outcomes_; // the engine may have the addresses
    }
    const disposition wanted = probe_ ? disposition::accepted : disposition::delivered;
    const auto missed = [wanted](const recipient_outcome& o) { return o.outcome != wanted; };
    const auto first = std::find_if(done.recipients.begin(), done.recipients.end(), missed);
    if (first != done.recipients.end()) {
        done.error = first->error;
        done.at = first->at;
        done.code = first->code;
        done.enhanced = first->enhanced;
        done.text = first->text;
        done.detail = detail_;
    } else if (done.recipients.empty()) {
        done.error = errc::no_recipients;
        done.at = stage::mail;
        done.detail = detail_;
    } else {
        done.at = probe_ ? stage::rcpt : stage::content;
    }
    return done;
}

void delivery::foresee_texts() const {
    prefetch(mail_.from.data(), mail_.from.data());
    prefetch(mail_.recipients.data(), mail_.recipients.data());
    prefetch(outcomes_.data(), outcomes_.data() + 1);
}

void delivery::report(stage at, std::uint64_t octets) {
    handed_ += octets;
    if (!mail_.on_progress) {
        return;
    }
    const stage now = handed_ > 0 ? stage::content : at;
    const bool same =
        reported_once_ && reported_.at == now && reported_.handed == handed_ && reported_.total == total_;
    if (!same) {
        reported_once_ = true;
        reported_ = {now, handed_, total_};
        mail_.on_progress(reported_);
    }
}

} // namespace postrider::line
