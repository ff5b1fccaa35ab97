// The transaction: MAIL, RCPT, then the content by DATA or by BDAT (RFC 3030), then one reply, or with LMTP
// one reply per recipient.
#include "sink/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace postrider::sink {
namespace {

constexpr std::size_t max_text_line = 998; // RFC 5321 4.5.3.1.6, the CRLF not counted
constexpr std::size_t max_envid = 100;     // RFC 3461 4.4

bool parse_number(std::string_view digits, std::uint64_t& value) noexcept {
    const auto* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, value);
    return failure == std::errc() && stop == end && !digits.empty();
}

std::string capitals(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return out;
}

const refusal* match(const std::vector<refusal>& refusals, std::string_view address) noexcept {
    const auto found = std::find_if(refusals.begin(), refusals.end(),
                                    [address](const refusal& r) { return glob_match(r.pattern, address); });
    return found == refusals.end() ? nullptr : &*found;
}

constexpr problem unknown_parameter{555, "5.5.4", "Parameter not recognised"};
constexpr problem needs_smtputf8{553, "5.6.7", "A UTF-8 address needs the SMTPUTF8 parameter"};

} // namespace

void session::mail(std::string_view argument) {
    if (shared_.draining)
        return farewell("4.3.2", "Shutting down");
    if (const auto bad = may_start_mail())
        return refuse(bad);
    if (strikes(stage::mail))
        return;
    path_argument path;
    if (const auto bad = parse_path_argument(argument, "FROM:", path))
        return refuse(bad);
    mail_ = {};
    auto bad = take_mail_parameters(path);
    if (!bad && path.non_ascii && !mail_.envelope.smtputf8)
        bad = needs_smtputf8;
    if (bad)
        return refuse(bad);
    if (const auto* why = match(settings_.reject_sender, path.mailbox))
        return refuse_with(why->code, "7.1", why->text, "Sender refused");
    mail_.envelope.reverse_path = path.mailbox;
    in_mail_ = true;
    reply(250, "2.1.0", "Sender ok");
}

problem session::may_start_mail() const {
    if (!greeted_)
        return {503, "5.5.1", settings_.lmtp ? "LHLO first" : "EHLO first"};
    if (in_mail_)
        return {503, "5.5.1", chunk_failed_ ? "RSET first" : "A transaction is open already"};
    if (settings_.require_tls && tls_version_.empty())
        return {530, "5.7.0", "STARTTLS first"};
    if (!settings_.user.empty() && !settings_.auth_optional && user_.empty())
        return {530, "5.7.0", "Authentication required"};
    return {};
}

problem session::take_mail_parameters(const path_argument& path) {
    if (path.count != 0 && !extended_)
        return {555, "5.5.4", "Parameters need EHLO"};
    for (std::size_t i = 0; i < path.count; ++i)
        if (const auto bad = take_mail_parameter(path.parameters[i]))
            return bad;
    return {};
}

problem session::take_mail_parameter(const parameter& one) {
    const auto is = [&one, this](std::string_view keyword, std::string_view extension) {
        return same_keyword(one.keyword, keyword) && offers(extension);
    };
    if (is("SIZE", "SIZE"))
        return take_size(one);
    if (is("BODY", "8BITMIME"))
        return take_body(one);
    if (is("RET", "DSN") || is("ENVID", "DSN"))
        return take_dsn(one);
    if (is("AUTH", "AUTH") && !settings_.user.empty())
        return take_auth(one);
    if (!is("SMTPUTF8", "SMTPUTF8"))
        return unknown_parameter;
    if (one.has_value)
        return {501, "5.5.4", "SMTPUTF8 takes no value"};
    mail_.envelope.smtputf8 = true;
    return {};
}

problem session::take_size(const parameter& one) {
    std::uint64_t declared = 0;
    if (!parse_number(one.value, declared)) // RFC 1870 4: up to 20 digits
        return {501, "5.5.4", "SIZE must be a number of octets"};
    if (settings_.size_limit != 0 && declared > settings_.size_limit)
        return {552, "5.3.4", "Message larger than SIZE allows"};
    mail_.envelope.size = declared;
    return {};
}

problem session::take_body(const parameter& one) {
    auto body = capitals(one.value);
    const bool binary = body == "BINARYMIME" && offers("BINARYMIME") && offers("CHUNKING");
    if (body != "7BIT" && body != "8BITMIME" && !binary)
        return {501, "5.5.4", "Unknown value of BODY"};
    mail_.envelope.body = std::move(body);
    return {};
}

problem session::take_dsn(const parameter& one) {
    if (same_keyword(one.keyword, "RET")) {
        auto ret = capitals(one.value);
        if (ret != "FULL" && ret != "HDRS")
            return {501, "5.5.4", "RET is FULL or HDRS"};
        mail_.envelope.ret = std::move(ret);
        return {};
    }
    if (!one.has_value || one.value.size() > max_envid || !is_xtext(one.value))
        return {501, "5.5.4", "ENVID must be xtext of up to 100 octets"};
    mail_.envelope.envid = one.value;
    return {};
}

problem session::take_auth(const parameter& one) {
    if (!one.has_value || (one.value != "<>" && !is_xtext(one.value)))
        return {501, "5.5.4", "AUTH must be xtext or <>"};
    mail_.envelope.auth = one.value;
    return {};
}

void session::rcpt(std::string_view argument) {
    if (!in_mail_)
        return mistake("5.5.1", 503, "MAIL first");
    if (mail_.chunks != 0 || chunk_failed_)
        return mistake("5.5.1", 503, "Not after BDAT");
    if (strikes(stage::rcpt))
        return;
    path_argument path;
    if (const auto bad = parse_path_argument(argument, "TO:", path))
        return refuse(bad);
    recipient to;
    if (const auto bad = take_rcpt_parameters(path, to))
        return refuse(bad);
    if (path.non_ascii && !mail_.envelope.smtputf8)
        return refuse(needs_smtputf8);
    auto& about = mail_.envelope;
    if (about.recipients.size() + about.refused.size() >= settings_.max_recipients)
        return reply(452, "4.5.3", "Too many recipients");
    if (const auto* why = match(settings_.reject_recipient, path.mailbox))
        return refuse_recipient(path.mailbox, *why);
    to.address = path.mailbox;
    about.recipients.push_back(std::move(to));
    reply(250, "2.1.5", "Recipient ok");
}

problem session::take_rcpt_parameters(const path_argument& path, recipient& to) {
    if (path.count != 0 && !extended_)
        return {555, "5.5.4", "Parameters need EHLO"};
    for (std::size_t i = 0; i < path.count; ++i) {
        const auto& one = path.parameters[i];
        if (!offers("DSN"))
            return unknown_parameter;
        if (same_keyword(one.keyword, "NOTIFY")) {
            if (!is_notify(one.value))
                return {501, "5.5.4", "NOTIFY is NEVER, or of SUCCESS, FAILURE, DELAY"};
            to.notify = capitals(one.value);
        } else if (same_keyword(one.keyword, "ORCPT")) {
            if (!is_orcpt(one.value, mail_.envelope.smtputf8))
                return {501, "5.5.4", "ORCPT is: address type, semicolon, xtext"};
            to.orcpt = one.value;
        } else {
            return unknown_parameter;
        }
    }
    return {};
}

void session::refuse_recipient(std::string_view address, const refusal& why) {
    const auto start = out_.size();
    refuse_with(why.code, "1.1", why.text, "No such recipient");
    // As the client reads it, without the code and the CRLF.
    mail_.envelope.refused.push_back(
        {std::string(address), why.code, out_.substr(start + 4, out_.size() - start - 6)});
}

void session::data(std::string_view argument) {
    if (const auto bad = may_send_content())
        return refuse(bad);
    if (!no_argument(argument) || strikes(stage::data))
        return;
    begin_content();
    mode_ = mode::dotted;
    reply(354, "", "End data with <CR><LF>.<CR><LF>");
}

problem session::may_send_content() const {
    if (!in_mail_)
        return {503, "5.5.1", "MAIL first"};
    if (mail_.chunks != 0 || chunk_failed_)
        return {503, "5.5.1", "DATA may not follow BDAT"};
    if (mail_.envelope.body == "BINARYMIME")
        return {503, "5.5.1", "BINARYMIME needs BDAT"};
    if (mail_.envelope.recipients.empty())
        return {settings_.lmtp ? 503 : 554, "5.5.1", "No valid recipients"};
    return {};
}

// Whatever the verdict, the octets of the chunk follow and have to be read as such: taken for commands they
// would be another's chance to send some.
void session::bdat(std::string_view argument) {
    const auto space = argument.find(' ');
    const bool last = space != std::string_view::npos;
    if (!parse_number(argument.substr(0, space), chunk_left_) ||
        (last && !same_keyword(argument.substr(space + 1), "LAST"))) {
        reply(501, "5.5.4",
              "Syntax: BDAT octets [LAST]; cannot tell content from commands, closing the connection");
        return finish_with(action::close);
    }
    chunk_last_ = last;
    chunk_problem_ = may_send_chunk();
    chunk_answered_ = !chunk_problem_ && mail_.chunks == 0 && strikes(stage::data);
    if (!chunk_problem_ && !chunk_answered_ && mail_.chunks++ == 0)
        begin_content();
    mode_ = mode::chunk;
}

problem session::may_send_chunk() const {
    if (!offers("CHUNKING"))
        return {502, "5.5.1", "BDAT is not offered"};
    if (!in_mail_)
        return {503, "5.5.1", "MAIL first"};
    if (chunk_failed_)
        return {503, "5.5.1", "RSET first"};
    if (mail_.envelope.recipients.empty())
        return {settings_.lmtp ? 503 : 554, "5.5.1", "No valid recipients"};
    return {};
}

void session::begin_content() {
    facts_.reset();
    dots_.reset();
    content_seen_ = false;
    store_failed_ = false;
    store_.begin();
}

std::size_t session::take_dotted(std::string_view in) {
    const auto used = dots_.feed(in, [this](std::string_view slice) { take_slice(slice); });
    if (dots_.done() && next_ == action::read) {
        mode_ = mode::command;
        end_content();
    }
    return used;
}

std::size_t session::take_chunk(std::string_view in) {
    const auto part = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, in.size())));
    if (!chunk_problem_ && !chunk_answered_)
        take_slice(part);
    chunk_left_ -= part.size();
    if (chunk_left_ == 0 && next_ == action::read)
        end_chunk();
    return part.size();
}

void session::take_slice(std::string_view slice) {
    if (slice.empty() || next_ != action::read)
        return;
    if (!content_seen_ && strikes(stage::content))
        return;
    content_seen_ = true;
    if (settings_.discard && settings_.line_limit == 0)
        facts_.add_size(slice.size());
    else
        facts_.add(slice);
    if (settings_.size_limit != 0 && facts_.size() > settings_.size_limit)
        store_.drop();
    else if (!store_failed_)
        store_failed_ = !store_.append(slice);
}

void session::end_chunk() {
    mode_ = mode::command;
    auto bad = chunk_problem_;
    if (!bad && !chunk_answered_ && !chunk_last_)
        bad = judge_content();
    if (bad || chunk_answered_) {
        if (bad)
            reply(bad);
        chunk_failed_ = in_mail_;
        store_.drop();
        if (chunk_last_)
            reset_transaction();
        return;
    }
    if (chunk_last_)
        return end_content();
    reply(250, "2.0.0", "Chunk ok");
}

problem session::judge_content() const {
    if (settings_.size_limit != 0 && facts_.size() > settings_.size_limit)
        return {552, "5.3.4", "Message larger than SIZE allows"};
    if (settings_.line_limit != 0 && facts_.longest_line() > settings_.line_limit)
        return {554, "5.6.0", "The content has an over-long line"};
    if (store_failed_)
        return {452, "4.3.1", "The message could not be stored"};
    return {};
}

void session::end_content() {
    trace('<', "(content)");
    const auto bad = judge_content();
    const auto& late = settings_.faults[static_cast<std::size_t>(stage::end)];
    judge_deliveries();
    const bool all_refused =
        !verdicts_.empty() && std::count(verdicts_.begin(), verdicts_.end(), nullptr) == 0;
    if (bad)
        reject(bad.code, bad.enhanced.substr(2), {}, bad.text);
    else if (late.what == fault::kind::reply && strikes(stage::end))
        ++shared_.refused;
    else if (settings_.reject_content)
        reject(settings_.reject_content->code, "7.1", settings_.reject_content->text, "Content refused");
    else if (all_refused)
        reply_accepted();
    else
        keep();
    if (next_ == action::read || next_ == action::close)
        reset_transaction();
}

void session::keep() {
    mail_.time = std::chrono::system_clock::now();
    mail_.peer = peer_;
    mail_.client_name = client_name_;
    mail_.protocol = protocol();
    mail_.tls_version = tls_version_;
    mail_.tls_cipher = tls_cipher_;
    mail_.user = user_;
    mail_.size = facts_.size();
    mail_.serial = shared_.messages + 1;
    note_oddities();
    move_refused_deliveries();
    if (!store_.commit(mail_))
        return reject(452, "3.1", {}, "The message could not be stored");
    ++shared_.messages;
    shared_.octets += mail_.size;
    if (shared_.accepted)
        shared_.accepted(mail_);
    if (!strikes(stage::end))
        reply_accepted();
}

// One reply, or with LMTP the same for each recipient (RFC 2033 4.2).
void session::reject(int code, std::string_view subject, std::string_view text, std::string_view fallback) {
    ++shared_.refused;
    for (auto due = verdicts_.size(); due > 0; --due)
        refuse_with(code, subject, text, fallback);
}

// One verdict per reply that is due: with LMTP one per recipient, otherwise a single one.
void session::judge_deliveries() {
    verdicts_.assign(settings_.lmtp ? mail_.envelope.recipients.size() : 1, nullptr);
    if (!settings_.lmtp || settings_.reject_delivery.empty())
        return;
    std::transform(mail_.envelope.recipients.begin(), mail_.envelope.recipients.end(), verdicts_.begin(),
                   [this](const recipient& to) { return match(settings_.reject_delivery, to.address); });
}

void session::move_refused_deliveries() {
    if (std::all_of(verdicts_.begin(), verdicts_.end(), [](const refusal* why) { return why == nullptr; }))
        return;
    std::vector<recipient> kept;
    for (std::size_t i = 0; i < verdicts_.size(); ++i) {
        auto& to = mail_.envelope.recipients[i];
        if (verdicts_[i] == nullptr)
            kept.push_back(std::move(to));
        else
            mail_.envelope.refused.push_back({std::move(to.address), verdicts_[i]->code, verdicts_[i]->text});
    }
    mail_.envelope.recipients = std::move(kept);
}

void session::reply_accepted() {
    std::array<char, 48> text{};
    const auto end = fmt::format_to_n(text.data(), text.size(), "Ok, message {}", mail_.serial);
    for (const auto* why : verdicts_)
        if (why == nullptr)
            reply(250, "2.0.0", std::string_view(text.data(), end.size));
        else
            refuse_with(why->code, "1.1", why->text, "Delivery refused");
}

void session::note_oddities() {
    const auto& about = mail_.envelope;
    const bool binary = about.body == "BINARYMIME";
    const auto note = [this](bool odd, std::string text) {
        if (odd)
            mail_.notes.push_back(std::move(text));
    };
    note(facts_.eight_bit() && about.body != "8BITMIME" && !binary, "8-bit content without BODY=8BITMIME");
    note(facts_.nul() && !binary, "NUL in the content");
    note(facts_.bare_cr() && !binary, "bare CR in the content");
    note(facts_.bare_lf() && !binary, "bare LF in the content");
    note(!facts_.ends_with_crlf() && !binary && !settings_.discard, "the content does not end with CRLF");
    if (facts_.longest_line() > max_text_line && !binary)
        note(true, fmt::format("a line of {} octets, 998 are allowed", facts_.longest_line()));
    if (about.size && *about.size < mail_.size)
        note(true, fmt::format("SIZE={} was declared, {} octets came", *about.size, mail_.size));
}

std::string session::protocol() const {
    std::string name = mail_.envelope.smtputf8 ? "UTF8" : "";
    name += settings_.lmtp ? "LMTP" : (extended_ && !mail_.envelope.smtputf8 ? "ESMTP" : "SMTP");
    if (extended_ && !tls_version_.empty())
        name += "S";
    if (extended_ && !user_.empty())
        name += "A";
    return name;
}

void session::reset_transaction() {
    in_mail_ = false;
    chunk_failed_ = false;
    store_.drop();
    mail_ = {};
}

} // namespace postrider::sink
