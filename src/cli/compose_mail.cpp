#include "compose_mail.hpp"

#include "error.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>

namespace postrider::cli {
namespace {

using addresses = std::vector<address>;

command_error data_error(const std::string& what, std::string next = {}) {
    return {exit_code::data, what, std::move(next)};
}

addresses parse_list(std::string_view option, const std::string& text) {
    std::string why;
    auto found = parse_address_list(text, &why);
    if (!found || found->empty()) {
        const std::string reason = found         ? std::string("there is no address in it")
                                   : why.empty() ? std::string(message(found.error()))
                                                 : why;
        throw data_error(
            fmt::format("{} {}: {}", option, text, reason),
            "write name@example.org or 'Full Name <name@example.org>', several separated by commas");
    }
    return std::move(*found);
}

addresses parse_lists(std::string_view option, const std::vector<std::string>& texts) {
    addresses out;
    for (const auto& text : texts) {
        auto found = parse_list(option, text);
        out.insert(out.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    }
    return out;
}

address parse_one(std::string_view option, const std::string& text) {
    auto found = parse_list(option, text);
    if (found.size() != 1) {
        throw data_error(fmt::format("{} takes one address, not {}", option, found.size()),
                         "put a display name with a comma into quotes: '\"Doe, Jane\" <jane@example.org>'");
    }
    return std::move(found.front());
}

bool is_media_type(std::string_view text) {
    const auto slash = text.find('/');
    return slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
           text.find_first_of(" \t/", slash + 1) == std::string_view::npos && text.front() != '.' &&
           text.find_first_of(". \t\\") > slash;
}

// FILE or FILE:type/subtype. A file whose name looks like that is taken for what it is.
attachment open_attachment(const std::string& text, std::string_view option) {
    std::string path = text;
    std::string type;
    const auto colon = text.rfind(':');
    if (colon != std::string::npos && is_media_type(std::string_view(text).substr(colon + 1)) &&
        access(text.c_str(), F_OK) != 0) {
        path = text.substr(0, colon);
        type = text.substr(colon + 1);
    }
    auto file = attach_file(path);
    if (!file) {
        throw data_error(
            fmt::format("{} {} cannot be read: {}", option, path, std::generic_category().message(errno)));
    }
    file->media_type = type;
    return std::move(*file);
}

attachment open_inline(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw usage_error(fmt::format("--inline {}: there is no content id", text),
                          "write --inline logo=logo.png, and src=\"cid:logo\" in the HTML");
    }
    auto file = open_attachment(text.substr(equals + 1), "--inline");
    file.content_id = text.substr(0, equals);
    return file;
}

header_field parse_header(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == std::string::npos || colon == 0) {
        throw usage_error(fmt::format("--header {}: that is no header field", text),
                          "write --header 'Name: value'");
    }
    const auto value = text.find_first_not_of(" \t", colon + 1);
    return {text.substr(0, colon), value == std::string::npos ? std::string() : text.substr(value)};
}

// RFC 3339, to the second: 2026-11-24T12:00:00Z, 2026-11-24 12:00:00+01:00.
date_time parse_date(const std::string& text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0, off_hour = 0, off_minute = 0;
    char separator = 0;
    std::array<char, 2> sign{};
    int used = 0;
    const int fields = std::sscanf(text.c_str(), "%4d-%2u-%2u%c%2u:%2u:%2u%n", &year, &month, &day,
                                   &separator, &hour, &minute, &second, &used);
    const std::string zone = fields == 7 ? text.substr(static_cast<std::size_t>(used)) : std::string();
    int zone_used = 0;
    const bool with_offset =
        std::sscanf(zone.c_str(), "%1[+-]%2u:%2u%n", sign.data(), &off_hour, &off_minute, &zone_used) == 3 &&
        static_cast<std::size_t>(zone_used) == zone.size();
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                           std::chrono::day(day)};
    const bool good = fields == 7 && (separator == 'T' || separator == ' ') && date.ok() && hour < 24 &&
                      minute < 60 && second < 61 && off_hour < 24 && off_minute < 60 &&
                      (with_offset || zone == "Z" || zone.empty());
    if (!good) {
        throw usage_error(fmt::format("--date {}: that is no date", text),
                          "write for example 2026-11-24T12:00:00Z or 2026-11-24T12:00:00+01:00");
    }
    const auto offset = std::chrono::minutes(off_hour * 60 + off_minute) * (sign[0] == '-' ? -1 : 1);
    const std::chrono::sys_seconds local = std::chrono::sys_days(date) + std::chrono::hours(hour) +
                                           std::chrono::minutes(minute) + std::chrono::seconds(second);
    return {local - offset, with_offset ? offset : std::chrono::minutes(0)};
}

// 128 random bits at the sender's domain: nothing of this machine.
std::string fresh_message_id(const address& from) {
    std::array<unsigned char, 16> octets{};
    if (getrandom(octets.data(), octets.size(), 0) != static_cast<ssize_t>(octets.size())) {
        throw command_error(exit_code::internal, "the system gives no random octets for the Message-ID");
    }
    std::string id = "<";
    for (const unsigned char octet : octets) {
        id += fmt::format("{:02x}", octet);
    }
    const std::string domain = from.addr_spec.substr(from.addr_spec.rfind('@') + 1);
    const auto ascii = ascii_mailbox("x@" + domain);
    return id + (ascii ? ascii->substr(1) : "@" + domain) + ">";
}

notify parse_notify(const std::string& text) {
    if (text == "never") {
        return notify::never;
    }
    notify out = notify::unset;
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find(',', start), text.size());
        const std::string word = text.substr(start, end - start);
        if (word != "success" && word != "failure" && word != "delay") {
            throw usage_error(fmt::format("--dsn {}: \"{}\" is unknown", text, word),
                              "write never, or some of success,failure,delay");
        }
        out = out | (word == "success"   ? notify::success
                     : word == "failure" ? notify::failure
                                         : notify::delay);
        start = end + 1;
    }
    return out;
}

message_priority parse_priority(const std::string& word) {
    return word == "high"  ? message_priority::high
           : word == "low" ? message_priority::low
                           : message_priority::normal;
}

std::string reverse_path_of(const envelope_choice& chosen, const std::string& otherwise) {
    if (!chosen.has_envelope_from) {
        return otherwise;
    }
    const auto& text = chosen.envelope_from;
    return text.empty() || text == "<>" ? std::string() : parse_one("--envelope-from", text).addr_spec;
}

void take_recipients(std::vector<std::string> found, outgoing& into) {
    for (auto& one : found) {
        into.recipients.emplace_back(std::move(one));
    }
}

// Text and HTML: at least one of them, for a mail without either is an accident.
void set_bodies(const send_choice& chosen, draft& to) {
    if (chosen.has_body) {
        to.text = content(chosen.body);
    } else if (!chosen.body_file.empty()) {
        to.text = open_content(chosen.body_file, "--body-file");
    } else if (chosen.html.empty()) {
        to.text = open_content("-", "the text");
    }
    if (!chosen.html.empty()) {
        to.html = open_content(chosen.html, "--html");
    }
}

draft make_draft(const send_choice& chosen, const std::string& account_from) {
    const std::string& from = chosen.envelope.from.empty() ? account_from : chosen.envelope.from;
    if (from.empty()) {
        throw usage_error("no sender is named", "add --from you@example.org");
    }
    draft out;
    out.from.push_back(parse_one("--from", from));
    out.to = parse_lists("--to", chosen.envelope.to);
    out.cc = parse_lists("--cc", chosen.envelope.cc);
    out.bcc = parse_lists("--bcc", chosen.envelope.bcc);
    if (!chosen.reply_to.empty()) {
        out.reply_to = parse_list("--reply-to", chosen.reply_to);
    }
    out.subject = chosen.subject;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    out.date = chosen.date.empty() ? date_time{now, {}} : parse_date(chosen.date);
    out.message_id = chosen.message_id.empty() ? fresh_message_id(out.from.front()) : chosen.message_id;
    if (!chosen.in_reply_to.empty()) {
        out.in_reply_to.push_back(chosen.in_reply_to);
        out.references.push_back(chosen.in_reply_to);
    }
    out.priority = parse_priority(chosen.priority);
    for (const auto& text : chosen.headers) {
        out.extra.push_back(parse_header(text));
    }
    for (const auto& text : chosen.inline_files) {
        out.attachments.push_back(open_inline(text));
    }
    for (const auto& text : chosen.attach) {
        out.attachments.push_back(open_attachment(text, "--attach"));
    }
    set_bodies(chosen, out);
    return out;
}

prepared_mail compose_new(const send_choice& chosen, const std::string& account_from) {
    draft what = make_draft(chosen, account_from);
    if (what.to.empty() && what.cc.empty() && what.bcc.empty()) {
        throw usage_error("no recipient is named", "add --to somebody@example.net");
    }
    prepared_mail out;
    const bool bracketed = what.message_id.starts_with('<');
    out.message_id = bracketed ? what.message_id : "<" + what.message_id + ">";
    out.mail.from = reverse_path_of(chosen.envelope, what.reverse_path());
    take_recipients(what.recipients(), out.mail);
    out.mail.compose = [what = std::move(what)](const capabilities& offered, std::string& why) {
        composition how;
        how.eight_bit = offered.has(keyword::eight_bit_mime);
        how.smtputf8 = offered.has(keyword::smtputf8);
        return compose(what, how, &why);
    };
    return out;
}

message_envelope header_envelope(const content& octets) {
    std::string why;
    auto found = envelope_of(octets, &why);
    if (!found) {
        throw data_error(
            fmt::format("--message: {}", why.empty() ? std::string(message(found.error())) : why),
            "name sender and recipients with --from and --to, or correct the message");
    }
    return std::move(*found);
}

prepared_mail take_finished(const send_choice& chosen, const content& whole,
                            const std::string& account_from) {
    prepared_mail out;
    out.finished = true;
    auto visible = without_bcc(whole);
    if (!visible) {
        throw data_error("--message cannot be read: " + std::generic_category().message(errno));
    }
    const auto& envelope = chosen.envelope;
    const bool recipients_given = !envelope.to.empty() || !envelope.cc.empty() || !envelope.bcc.empty();
    const bool sender_given = envelope.has_envelope_from || !envelope.from.empty();
    std::string header_sender;
    if (!recipients_given || !sender_given) {
        const auto header = header_envelope(whole);
        header_sender = header.reverse_path();
        if (!recipients_given) {
            take_recipients(header.recipients(), out.mail);
        }
    }
    if (recipients_given) {
        draft named;
        named.to = parse_lists("--to", envelope.to);
        named.cc = parse_lists("--cc", envelope.cc);
        named.bcc = parse_lists("--bcc", envelope.bcc);
        take_recipients(named.recipients(), out.mail);
    }
    if (out.mail.recipients.empty()) {
        throw data_error("the header of the message names no recipient", "add --to somebody@example.net");
    }
    const std::string& from = envelope.from.empty() ? account_from : envelope.from;
    const bool from_option = !envelope.from.empty() || header_sender.empty();
    std::string sender = from_option && !from.empty() ? parse_one("--from", from).addr_spec : header_sender;
    if (sender.empty() && !envelope.has_envelope_from) {
        throw data_error("the header of the message names no sender", "add --from you@example.org");
    }
    out.mail.from = reverse_path_of(envelope, sender);
    out.message_id = message_id_of(*visible);
    out.mail.content = std::move(*visible);
    return out;
}

} // namespace

bool reads_standard_input(const send_choice& chosen) {
    const bool no_body = !chosen.has_body && chosen.body_file.empty() && chosen.html.empty();
    return chosen.message == "-" || chosen.body_file == "-" || chosen.html == "-" ||
           (chosen.message.empty() && no_body);
}

void refuse_composing_options(const send_choice& chosen, std::string_view because) {
    const bool composes = chosen.has_body || !chosen.body_file.empty() || !chosen.html.empty() ||
                          !chosen.attach.empty() || !chosen.inline_files.empty() || !chosen.subject.empty() ||
                          !chosen.headers.empty() || !chosen.reply_to.empty() || !chosen.date.empty() ||
                          !chosen.message_id.empty() || !chosen.in_reply_to.empty() ||
                          chosen.priority != "normal";
    if (composes) {
        throw usage_error(
            fmt::format("{} sends a finished message as it is, and another option would change it", because),
            fmt::format("leave out the options for header and content, or {}", because));
    }
}

content open_content(const std::string& path, std::string_view option) {
    if (path == "-" && isatty(STDIN_FILENO) != 0) {
        std::fputs("postrider: reading from the terminal; Ctrl-D on a line of its own ends it\n", stderr);
    }
    auto octets = path == "-" ? content::from_fd(STDIN_FILENO) : content::from_file(path);
    if (!octets) {
        throw data_error(fmt::format("{} {} cannot be read: {}", option,
                                     path == "-" ? std::string("(standard input)") : path,
                                     std::generic_category().message(errno)));
    }
    return std::move(*octets);
}

std::string message_id_of(const content& octets) {
    constexpr std::size_t most = std::size_t{256} * 1024;
    std::string header;
    auto reader = octets.read();
    for (auto chunk = reader.next(); chunk && !chunk->empty() && header.size() < most;
         chunk = reader.next()) {
        header.append(chunk->data(), chunk->size());
    }
    constexpr std::string_view name = "message-id:";
    for (std::size_t start = 0; start < header.size();) {
        const auto end = std::min(header.find('\n', start), header.size());
        const auto line = std::string_view(header).substr(start, end - start);
        if (line.empty() || line == "\r") {
            break;
        }
        if (line.size() > name.size() && equal_ignoring_case(line.substr(0, name.size()), name)) {
            const auto open = header.find('<', start);
            const auto close = header.find('>', start);
            // Folded at most once: what is further away belongs to another field.
            const bool whole =
                open != header.npos && close != header.npos && open < close && close < end + 1000;
            return whole ? header.substr(open, close - open + 1) : std::string();
        }
        start = end + 1;
    }
    return {};
}

std::string one_mailbox(std::string_view what, const std::string& text) {
    return parse_one(what, text).addr_spec;
}

void set_delivery_options(const send_choice& chosen, outgoing& mail) {
    mail.all_or_nothing = chosen.all_or_nothing;
    mail.envelope_id = chosen.dsn_id;
    if (!chosen.dsn_return.empty()) {
        mail.ret = chosen.dsn_return == "full" ? return_content::full : return_content::headers;
    }
    if (!chosen.dsn.empty()) {
        const notify wanted = parse_notify(chosen.dsn);
        for (auto& one : mail.recipients) {
            one.notify = wanted;
        }
    }
}

prepared_mail prepare_finished(const send_choice& chosen, const content& whole,
                               const std::string& account_from) {
    auto out = take_finished(chosen, whole, account_from);
    set_delivery_options(chosen, out.mail);
    return out;
}

prepared_mail prepare_mail(const send_choice& chosen, const std::string& account_from) {
    if (!chosen.message.empty()) {
        refuse_composing_options(chosen, "--message");
        return prepare_finished(chosen, open_content(chosen.message, "--message"), account_from);
    }
    auto out = compose_new(chosen, account_from);
    set_delivery_options(chosen, out.mail);
    return out;
}

content_traits sendable_traits(const content& octets) {
    const auto traits = octets.traits();
    if (!traits) {
        throw data_error("the content cannot be read");
    }
    if (traits->has_nul || !traits->header_is_utf8) {
        throw data_error(traits->has_nul ? "the content holds a NUL byte: no server could take it"
                                         : "the header is not valid UTF-8: no server could take it",
                         "encode the message before it is sent");
    }
    return *traits;
}

outgoing prepare_envelope(const envelope_choice& chosen, const std::string& account_from) {
    outgoing out;
    const std::string& from = chosen.from.empty() ? account_from : chosen.from;
    out.from = reverse_path_of(chosen, from.empty() ? std::string() : parse_one("--from", from).addr_spec);
    draft named;
    named.to = parse_lists("--to", chosen.to);
    named.cc = parse_lists("--cc", chosen.cc);
    named.bcc = parse_lists("--bcc", chosen.bcc);
    take_recipients(named.recipients(), out);
    return out;
}

content compose_for(const prepared_mail& mail, const capabilities& offered) {
    if (mail.finished) {
        return mail.mail.content;
    }
    std::string why;
    auto octets = mail.mail.compose(offered, why);
    if (!octets) {
        throw data_error(why.empty() ? std::string(message(octets.error())) : why);
    }
    return std::move(*octets);
}

} // namespace postrider::cli
