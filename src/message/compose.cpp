// compose.cpp - from a draft to a message (RFC 5322, RFC 2045 to 2049).
//
// Everything is checked before the first octet is written, in the order of the header, so that the
// explanation names the first field that is wrong. Then the tree is laid out:
//
//   mixed( alternative( text, related( html, inline... ) ), attachment... )
//
// where a multipart with one part is that part.
#include "address.hpp"
#include "entity.hpp"
#include "gmime.hpp"
#include "header_text.hpp"
#include "media_type.hpp"
#include "postrider/message.hpp"
#include "postrider/path.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace postrider {
namespace {

constexpr std::size_t longest_id = 900;       // one token on one line of at most 998
constexpr std::size_t longest_attribute = 40; // leaves room for a value in 76
constexpr std::uint64_t longest_line = 998;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out;
}

std::string system_says() {
    return std::generic_category().message(errno);
}

bool is_reserved(const std::string& name, message_priority priority) {
    constexpr std::array<std::string_view, 12> ours{
        "from",    "sender", "to",         "cc",         "bcc",         "reply-to",
        "subject", "date",   "message-id", "references", "in-reply-to", "mime-version"};
    const bool priority_field = name == "importance" || name == "x-priority";
    return std::find(ours.begin(), ours.end(), name) != ours.end() || name.starts_with("content-") ||
           name == "resent-bcc" || (priority_field && priority != message_priority::normal);
}

/// Dots may stand in odd places: ids that are answered were made by other people's software.
bool is_dotted(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atext(c); });
}

bool is_literal(std::string_view text) {
    return text.size() > 2 && text.front() == '[' && text.back() == ']' &&
           text.substr(1, text.size() - 2).find_first_not_of("0123456789abcdefABCDEFIPvV:.") ==
               std::string_view::npos;
}

/// The id without angle brackets; empty when it is none (RFC 5322 3.6.4).
std::string bare_id(std::string_view id) {
    if (id.starts_with('<') && id.ends_with('>')) {
        id = id.substr(1, id.size() - 2);
    }
    const auto at = id.find('@');
    const std::string_view right = at == std::string_view::npos ? "none" : id.substr(at + 1);
    const bool good = id.size() <= longest_id && is_dotted(id.substr(0, at)) &&
                      (is_dotted(right) || is_literal(right)) && !looks_encoded(id);
    return good ? std::string(id) : std::string{};
}

/// Empty when the moment cannot be written (RFC 5322 3.3, 4.3).
std::string date_text(const date_time& when) {
    constexpr std::chrono::sys_seconds first = std::chrono::sys_days(std::chrono::year(1900) / 1 / 1);
    constexpr std::chrono::sys_seconds last = std::chrono::sys_days(std::chrono::year(9999) / 12 / 31);
    if (when.at < first || when.at >= last || std::chrono::abs(when.utc_offset) >= std::chrono::hours(24)) {
        return {};
    }
    const std::unique_ptr<GTimeZone, decltype(&g_time_zone_unref)> zone(
        g_time_zone_new_offset(static_cast<gint32>(std::chrono::seconds(when.utc_offset).count())),
        g_time_zone_unref);
    const std::unique_ptr<GDateTime, decltype(&g_date_time_unref)> utc(
        g_date_time_new_from_unix_utc(when.at.time_since_epoch().count()), g_date_time_unref);
    const std::unique_ptr<GDateTime, decltype(&g_date_time_unref)> local(
        g_date_time_to_timezone(utc.get(), zone.get()), g_date_time_unref);
    return glib_text(g_mime_utils_header_format_date(local.get())).get();
}

class composer {
  public:
    composer(const draft& what, const composition& how, std::string* why)
        : what_(what), how_(how), why_(why) {}

    result<content> run() {
        using step = errc (composer::*)();
        constexpr std::array<step, 9> steps{
            &composer::write_date,    &composer::write_originators, &composer::write_recipients,
            &composer::write_subject, &composer::write_ids,         &composer::write_priority,
            &composer::write_extra,   &composer::lay_out,           &composer::draw};
        for (const step one : steps) {
            if (const errc e = (this->*one)(); e != errc::ok) {
                return e;
            }
        }
        return write();
    }

  private:
    errc fail(errc error, std::string explanation) { return refuse(why_, error, std::move(explanation)); }

    // header

    errc write_date() {
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const std::string text = date_text(what_.date.value_or(date_time{now, {}}));
        if (text.empty()) {
            return fail(errc::bad_argument,
                        "Date: the year must lie between 1900 and 9999 and the offset below 24 hours");
        }
        append_field(header_, "Date", {text});
        return errc::ok;
    }

    errc write_originators() {
        if (what_.from.empty()) {
            return fail(errc::bad_address, "From: no address is given; a message needs one");
        }
        if (what_.from.size() > 1 && !what_.sender) {
            return fail(errc::bad_address,
                        "Sender: must be set when From holds more than one address (RFC 5322 3.6.2)");
        }
        if (const errc e = write_addresses("From", what_.from); e != errc::ok) {
            return e;
        }
        const bool redundant = what_.sender && what_.from.size() == 1 && *what_.sender == what_.from.front();
        return what_.sender && !redundant ? write_addresses("Sender", {*what_.sender}) : errc::ok;
    }

    errc write_recipients() {
        if (const errc e = write_addresses("To", what_.to); e != errc::ok) {
            return e;
        }
        if (const errc e = write_addresses("Cc", what_.cc); e != errc::ok) {
            return e;
        }
        for (const address& one : what_.bcc) { // looked at, never written
            if (const errc e = check_address("Bcc", one); e != errc::ok) {
                return e;
            }
        }
        return write_addresses("Reply-To", what_.reply_to);
    }

    errc check_address(std::string_view field, const address& one) {
        if (const std::string objection = header_objection(one.display_name); !objection.empty()) {
            return fail(errc::bad_argument, std::string(field) + ": the display name " +
                                                quoted(one.display_name) + " " + objection);
        }
        std::string detail;
        const errc e = check_mailbox(one.addr_spec, &detail);
        return e == errc::ok ? e : fail(e, std::string(field) + ": " + detail);
    }

    errc write_addresses(std::string_view field, const std::vector<address>& list) {
        header_tokens tokens;
        for (const address& one : list) {
            if (const errc e = append_address(field, one, tokens); e != errc::ok) {
                return e;
            }
            tokens.back() += ',';
        }
        if (!tokens.empty()) {
            tokens.back().pop_back();
            append_field(header_, field, tokens);
        }
        return errc::ok;
    }

    errc append_address(std::string_view field, const address& one, header_tokens& tokens) {
        if (const errc e = check_address(field, one); e != errc::ok) {
            return e;
        }
        if (looks_encoded(one.addr_spec)) {
            // Legal, but there are parsers that decode it, and so read another address than we wrote.
            return fail(errc::bad_address,
                        std::string(field) + ": " + quoted(one.addr_spec) +
                            " looks like an encoded word (RFC 2047); it can stand in Bcc only");
        }
        auto mailbox_text = ascii_mailbox(one.addr_spec);
        if (mailbox_text.error() == errc::needs_smtputf8 && how_.smtputf8) {
            mailbox_text = one.addr_spec; // RFC 6532 3.2
        }
        if (!mailbox_text) {
            return fail(
                mailbox_text.error(),
                std::string(field) + ": " + quoted(one.addr_spec) +
                    (mailbox_text.error() == errc::needs_smtputf8
                         ? " has a local part that is not ASCII; only a server with SMTPUTF8 can take it"
                         : " does not fit with its domain as A-labels"));
        }
        // Behind the first address there is always a fold to go to.
        auto phrase = phrase_tokens(one.display_name, tokens.empty() ? first_column(field) : 1);
        tokens.insert(tokens.end(), std::make_move_iterator(phrase.begin()),
                      std::make_move_iterator(phrase.end()));
        tokens.push_back(phrase.empty() ? *mailbox_text : "<" + *mailbox_text + ">");
        return errc::ok;
    }

    errc write_subject() { return what_.subject.empty() ? errc::ok : write_text("Subject", what_.subject); }

    errc write_text(const std::string& field, std::string_view text) {
        if (const std::string objection = header_objection(text); !objection.empty()) {
            return fail(errc::bad_argument, field + ": the value " + objection);
        }
        append_field(header_, field, text_tokens(text, first_column(field)));
        return errc::ok;
    }

    errc write_ids() {
        std::string own = what_.message_id;
        if (own.empty()) {
            const auto name = random_name(how_.random);
            if (!name) {
                return fail(errc::bad_message, "Message-ID: the random source failed");
            }
            const std::string& from = what_.from.front().addr_spec;
            own = *name + "@" + ascii_domain(mailbox::parse(from).value().domain());
        }
        if (const errc e = write_id_list("Message-ID", {own}); e != errc::ok) {
            return e;
        }
        if (const errc e = write_id_list("In-Reply-To", what_.in_reply_to); e != errc::ok) {
            return e;
        }
        return write_id_list("References", what_.references);
    }

    errc write_id_list(const std::string& field, const std::vector<std::string>& ids) {
        header_tokens tokens;
        for (const std::string& id : ids) {
            const std::string bare = bare_id(id);
            if (bare.find('@') == std::string::npos) {
                return fail(errc::bad_argument,
                            field + ": " + quoted(id) +
                                " is not a message id; write left@right in letters, digits and dots");
            }
            tokens.push_back("<" + bare + ">");
        }
        if (!tokens.empty()) {
            append_field(header_, field, tokens);
        }
        return errc::ok;
    }

    errc write_priority() {
        if (what_.priority != message_priority::normal) {
            const bool high = what_.priority == message_priority::high;
            append_field(header_, "Importance", {high ? "high" : "low"});
            append_field(header_, "X-Priority", {high ? "1" : "5"});
        }
        return errc::ok;
    }

    errc write_extra() {
        for (const header_field& field : what_.extra) {
            if (!is_field_name(field.name)) {
                return fail(errc::bad_argument,
                            quoted(field.name) +
                                " is not the name of a header field; it takes up to 50 printable "
                                "ASCII characters without blanks and colons");
            }
            if (is_reserved(lower(field.name), what_.priority)) {
                return fail(
                    errc::bad_argument,
                    field.name +
                        ": cannot be given as an extra field; it is written from the draft's own member");
            }
            if (const errc e = write_text(field.name, field.value); e != errc::ok) {
                return e;
            }
        }
        append_field(header_, "MIME-Version", {"1.0"});
        return errc::ok;
    }

    // body

    /// The parts of a message, by where they go.
    struct layout {
        std::vector<entity> text; // none or one
        std::vector<entity> html; // none, or the HTML and what it shows
        std::vector<entity> files;
    };

    errc lay_out() {
        layout found;
        if (const errc e = add_texts(found); e != errc::ok) {
            return e;
        }
        for (std::size_t i = 0; i != what_.attachments.size(); ++i) {
            const bool shown_by_html = what_.html && !what_.attachments[i].content_id.empty();
            if (const errc e = add_attachment(i, shown_by_html ? found.html : found.files); e != errc::ok) {
                return e;
            }
        }
        root_ = put_together(std::move(found));
        return errc::ok;
    }

    /// A message with nothing in it at all gets an empty text.
    errc add_texts(layout& found) {
        const bool nothing = !what_.html && what_.attachments.empty();
        if (what_.text || nothing) {
            const errc e = add_text(what_.text.value_or(content{}), "plain", "text", found.text);
            if (e != errc::ok) {
                return e;
            }
        }
        return what_.html ? add_text(*what_.html, "html", "html", found.html) : errc::ok;
    }

    static entity put_together(layout found) {
        std::vector<entity> alternatives = std::move(found.text);
        if (!found.html.empty()) {
            alternatives.push_back(together("related", std::move(found.html)));
        }
        // Attachments alone still get their multipart: a message that is nothing but a PDF looks empty to
        // many readers.
        if (alternatives.empty()) {
            return multipart_of("mixed", std::move(found.files));
        }
        found.files.insert(found.files.begin(), together("alternative", std::move(alternatives)));
        return together("mixed", std::move(found.files));
    }

    static entity together(std::string_view subtype, std::vector<entity> parts) {
        return parts.size() == 1 ? std::move(parts.front()) : multipart_of(subtype, std::move(parts));
    }

    errc add_text(const content& text, const std::string& subtype, const std::string& field,
                  std::vector<entity>& parts) {
        const auto traits = text.traits();
        const auto utf8 = is_utf8(text);
        if (!traits || !utf8) {
            return fail(errc::content_unreadable, field + ": could not be read: " + system_says());
        }
        if (traits->has_nul) {
            return fail(errc::content_has_nul, field + ": holds a NUL; attach it as a file");
        }
        if (!*utf8) {
            return fail(errc::bad_argument,
                        field + ": is not valid UTF-8; convert it, or attach it as a file");
        }
        const auto encoding = text_encoding(text, *traits, how_.eight_bit);
        if (!encoding) {
            return fail(encoding.error(), field + ": could not be read: " + system_says());
        }
        entity part;
        append_field(part.fields, "Content-Type", {"text/" + subtype + ";", "charset=utf-8"});
        part.encoding = *encoding;
        part.octets = text;
        part.is_text = true;
        parts.push_back(std::move(part));
        return errc::ok;
    }

    errc add_attachment(std::size_t index, std::vector<entity>& parts) {
        const attachment& one = what_.attachments[index];
        const std::string label = "attachment " + std::to_string(index + 1);
        entity part;
        part.octets = one.data;
        part.encoding = how_.binary ? transfer_encoding::binary : transfer_encoding::base64;
        if (const errc e = write_type(one, label, part); e != errc::ok) {
            return e;
        }
        if (const errc e = write_disposition(one, label, part); e != errc::ok) {
            return e;
        }
        parts.push_back(std::move(part));
        return errc::ok;
    }

    errc write_type(const attachment& one, const std::string& label, entity& part) {
        const std::string type(one.media_type.empty() ? media_type_of(one.file_name)
                                                      : std::string_view(one.media_type));
        const auto slash = type.find('/');
        if (slash == std::string::npos || !is_mime_token(type.substr(0, slash)) ||
            !is_mime_token(type.substr(slash + 1))) {
            return fail(errc::bad_argument, label + ": " + quoted(type) +
                                                " is not a media type; write type/subtype, parameters apart");
        }
        const std::string kind = lower(type);
        if (kind.starts_with("multipart/")) {
            return fail(errc::bad_argument,
                        label + ": a multipart cannot be attached; attach it as message/rfc822");
        }
        header_tokens tokens{type};
        if (const errc e = append_parameters(one, label, kind, tokens); e != errc::ok) {
            return e;
        }
        append_field(part.fields, "Content-Type", tokens);
        // RFC 6532 3.7 frees message/global from the rule of RFC 2046 5.2.
        const bool composite = kind.starts_with("message/") && kind != "message/global";
        return composite && !how_.binary ? keep_unencoded(label, part) : errc::ok;
    }

    errc append_parameters(const attachment& one, const std::string& label, const std::string& kind,
                           header_tokens& tokens) {
        std::vector<header_field> parameters = one.parameters;
        const bool has_charset = std::any_of(parameters.begin(), parameters.end(), [](const header_field& p) {
            return lower(p.name) == "charset";
        });
        if (kind.starts_with("text/") && !has_charset) {
            const auto utf8 = is_utf8(one.data);
            if (!utf8) {
                return fail(utf8.error(), label + ": could not be read: " + system_says());
            }
            if (*utf8) {
                parameters.push_back({"charset", "utf-8"});
            }
        }
        std::vector<std::string> seen;
        for (const header_field& p : parameters) {
            if (!is_mime_token(p.name) || p.name.size() > longest_attribute ||
                p.name.find_first_of("*'%") != std::string::npos ||
                std::find(seen.begin(), seen.end(), lower(p.name)) != seen.end()) {
                return fail(errc::bad_argument, label + ": " + quoted(p.name) +
                                                    " is not the name of a parameter, or stands twice");
            }
            seen.push_back(lower(p.name));
            if (const errc e = append_parameter(label, p, tokens); e != errc::ok) {
                return e;
            }
        }
        return errc::ok;
    }

    errc append_parameter(const std::string& label, const header_field& p, header_tokens& tokens) {
        std::string objection = header_objection(p.value);
        if (objection.empty() && p.value.find('\t') != std::string::npos) {
            objection = "holds a tab; take it out";
        }
        if (!objection.empty()) {
            return fail(errc::bad_argument, label + ": the " + p.name + " " + objection);
        }
        for (std::string& section : parameter_tokens(p.name, p.value)) {
            tokens.back() += ';';
            tokens.push_back(std::move(section));
        }
        return errc::ok;
    }

    errc keep_unencoded(const std::string& label, entity& part) {
        const auto traits = part.octets.traits();
        if (!traits) {
            return fail(traits.error(), label + ": could not be read: " + system_says());
        }
        if (traits->has_nul || traits->longest_line > longest_line) {
            return fail(
                errc::bad_message,
                label + ": a message with a NUL or a line of more than 998 octets cannot be attached as a "
                        "message; give it the media type application/octet-stream");
        }
        if (traits->has_8bit && !how_.eight_bit) {
            return fail(
                errc::needs_8bitmime,
                label +
                    ": a message with 8-bit octets may not be encoded (RFC 2046 5.2.1) and needs a server "
                    "with 8BITMIME; or give it the media type application/octet-stream");
        }
        part.encoding = traits->has_8bit ? transfer_encoding::eight_bit : transfer_encoding::seven_bit;
        part.is_text = true;
        return errc::ok;
    }

    errc write_disposition(const attachment& one, const std::string& label, entity& part) {
        if (one.file_name.find('/') != std::string::npos) {
            return fail(errc::bad_argument,
                        label + ": the file name holds a '/'; give the name without its folders");
        }
        header_tokens tokens{one.content_id.empty() ? "attachment" : "inline"};
        if (!one.file_name.empty()) {
            if (const errc e = append_parameter(label, {"filename", one.file_name}, tokens); e != errc::ok) {
                return e;
            }
        }
        append_field(part.fields, "Content-Disposition", tokens);
        if (one.content_id.empty()) {
            return errc::ok;
        }
        const std::string id = bare_id(one.content_id);
        if (id.empty()) {
            return fail(errc::bad_argument, label + ": the content id " + quoted(one.content_id) +
                                                " must consist of letters, digits and dots");
        }
        append_field(part.fields, "Content-ID", {"<" + id + ">"});
        return errc::ok;
    }

    errc draw() {
        const errc e = draw_boundaries(root_, how_.random);
        if (e == errc::bad_message) {
            return fail(e, "no boundary could be drawn: the random source fails or repeats itself");
        }
        return e == errc::ok ? e : fail(e, "a part could not be read: " + system_says());
    }

    result<content> write() {
        spool into(how_.spool_over);
        root_.fields.insert(0, header_);
        const errc e = write_entity(root_, into);
        auto done = e == errc::ok ? into.finish() : result<content>(e);
        return done ? std::move(done)
                    : fail(done.error(), "the message could not be put together: " + system_says());
    }

    const draft& what_;
    const composition& how_;
    std::string* why_;
    std::string header_;
    entity root_;
};

} // namespace

std::vector<std::string> draft::recipients() const {
    const std::vector<address>* const lists[] = {&to, &cc, &bcc};
    return distinct_mailboxes(lists);
}

std::string draft::reverse_path() const {
    return sender ? sender->addr_spec : from.empty() ? std::string{} : from.front().addr_spec;
}

result<attachment> attach_file(const std::string& path) {
    auto octets = content::from_file(path);
    if (!octets) {
        return octets.error();
    }
    attachment made;
    made.data = std::move(*octets);
    made.file_name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    return made;
}

result<content> compose(const draft& what, const composition& how, std::string* why) {
    return composer(what, how, why).run();
}

} // namespace postrider
