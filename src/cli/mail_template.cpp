#include "mail_template.hpp"

#include "error.hpp"
#include "message/gmime.hpp"
#include "message/header_fields.hpp"
#include "message/header_text.hpp"
#include "postrider/capabilities.hpp"
#include "postrider/path.hpp"
#include "show.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace postrider::cli {
namespace {

command_error data_error(const std::string& what, std::string next = {}) {
    return {exit_code::data, what, std::move(next)};
}

bool is_one_of(std::initializer_list<std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_address_name(std::string_view name) {
    return is_one_of({"from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-to",
                      "resent-cc", "return-receipt-to", "disposition-notification-to"},
                     name);
}

// Fields whose syntax is not text: a value is written as it is, and may hold nothing that would end it.
bool is_verbatim_name(std::string_view name) {
    return is_one_of({"message-id", "in-reply-to", "references", "date", "resent-message-id", "resent-date",
                      "list-unsubscribe", "list-unsubscribe-post", "list-id", "list-help", "list-archive",
                      "list-owner", "list-post", "list-subscribe", "feedback-id"},
                     name);
}

bool every_name(std::string_view) {
    return true;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos
               ? std::string()
               : std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

// Encoded words as what they say.
std::string decoded(const std::string& value) {
    const glib_text text(g_mime_utils_header_decode_text(nullptr, value.c_str()));
    return trimmed(text ? text.get() : value);
}

// Stand-ins for placeholders, so that a field can be taken apart before there is a value. Each is an atom, or
// a whole mailbox where one is expected.
class stand_ins {
  public:
    explicit stand_ins(std::string_view value) {
        while (value.find(stem_) != std::string_view::npos) {
            stem_ += 'x'; // the template cannot hold it by accident
        }
    }

    std::string put_in(std::string_view value) {
        std::string out;
        std::size_t start = 0;
        for (auto one = find_placeholder(value, 0); one; one = find_placeholder(value, start)) {
            out += value.substr(start, one->begin - start);
            originals_.emplace_back(value.substr(one->begin, one->end - one->begin));
            out += name_of(originals_.size() - 1);
            if (is_whole_mailbox(value, *one)) {
                out += at_;
            }
            start = one->end;
        }
        return out.append(value.substr(start));
    }

    std::string take_out(std::string text) const {
        for (std::size_t i = originals_.size(); i-- > 0;) {
            const std::string name = name_of(i);
            for (auto at = text.find(name); at != std::string::npos;
                 at = text.find(name, at + originals_[i].size())) {
                const auto end = at + name.size();
                const bool whole = std::string_view(text).substr(end).starts_with(at_);
                text.replace(at, name.size() + (whole ? at_.size() : 0), originals_[i]);
            }
        }
        return text;
    }

  private:
    // The trailing letter keeps 1 apart from 12.
    std::string name_of(std::size_t number) const { return fmt::format("{}{}z", stem_, number); }

    // It stands for local part and domain: in angle brackets, or in an element that has none, and no @ beside
    // it.
    static bool is_whole_mailbox(std::string_view value, const placeholder& one) {
        const auto before = value.substr(0, one.begin).find_last_not_of(" \t");
        const auto after = value.find_first_not_of(" \t", one.end);
        const char left = before == std::string_view::npos ? ',' : value[before];
        const char right = after == std::string_view::npos ? ',' : value[after];
        return (left == '<' && right == '>') ||
               ((left == ',' || left == ':') && (right == ',' || right == ';'));
    }

    std::string stem_ = "zqx";
    std::string_view at_ = "@zq.invalid";
    std::vector<std::string> originals_;
};

std::string date_field(const date_time& when) {
    const auto shown = when.at + when.utc_offset;
    const auto minutes = std::abs(when.utc_offset.count());
    return fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} {}{:02}{:02}\r\n",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(shown)),
                       when.utc_offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

} // namespace

mail_template::mail_template(const content& message, std::string name,
                             const std::vector<std::string>& columns)
    : name_(std::move(name)), columns_(columns), body_(message, name_, columns) {
    const std::string& header = body_.header();
    header_fields fields(content::lent(header), every_name);
    raw_field one;
    while (fields.next(one).value()) {
        std::string raw = header.substr(one.where.begin, one.where.end - one.where.begin);
        const std::string own_name = trimmed(std::string_view(raw).substr(0, raw.find(':')));
        add_field(own_name, std::move(raw), one.value);
    }
    if (!present_.contains("from")) {
        throw data_error(name_ + ": the header has no From", "add From: you@example.org to the template");
    }
}

void mail_template::add_field(const std::string& name, std::string raw, const std::string& value) {
    const std::string plain = lower(name);
    const std::string text = decoded(value);
    const bool placeholders = text_template::has_placeholder(text);
    // Bcc is never on the wire. Of a Message-ID that is the same in all of them receivers would keep one.
    if (is_one_of({"bcc", "resent-bcc"}, plain) || (plain == "message-id" && !placeholders)) {
        return;
    }
    present_.insert(plain);
    if (is_address_name(plain)) {
        fields_.push_back(address_field(name, value));
        return;
    }
    const bool mime = plain.starts_with("content-") || plain == "mime-version";
    if (mime && placeholders) {
        throw data_error(where(name) + ": a placeholder cannot stand in a field of MIME");
    }
    field out;
    out.name = name;
    if (placeholders || (!mime && !is_verbatim_name(plain) && !is_ascii(raw))) {
        out.what = is_verbatim_name(plain) ? kind::verbatim : kind::text;
        out.text.emplace_back(text, columns_, where(name));
    } else {
        out.raw = raw.ends_with('\n') ? std::move(raw) : raw + "\r\n";
    }
    fields_.push_back(std::move(out));
}

mail_template::field mail_template::address_field(const std::string& name, const std::string& value) const {
    field out;
    out.what = kind::addresses;
    out.name = name;
    stand_ins inside(value);
    std::string why;
    const auto list = parse_address_list(inside.put_in(value), &why);
    if (!list || list->empty()) {
        throw data_error(
            fmt::format("{}: {}", where(name),
                        inside.take_out(list          ? "there is no address in it"
                                        : why.empty() ? std::string(message(list.error()))
                                                      : why)),
            "write {{column}}, or Name <{{column}}>, or {{name}} <{{column}}>; a column holds one address");
    }
    for (const auto& one : *list) {
        const std::string box = inside.take_out(one.addr_spec);
        const auto only = find_placeholder(box, 0);
        out.mailboxes.push_back({text_template(inside.take_out(one.display_name), columns_, where(name)),
                                 text_template(box, columns_, where(name)),
                                 only && only->begin == 0 && only->end == box.size()});
    }
    return out;
}

address mail_template::fill_mailbox(const field& one, const mailbox_template& box,
                                    const std::vector<std::string>& row) const {
    address out{box.display_name.fill(row), box.addr_spec.fill(row)};
    if (box.whole_value) {
        std::string why;
        auto list = parse_address_list(out.addr_spec, &why);
        if (!list || list->size() != 1) {
            throw data_error(fmt::format("{}: \"{}\" is not one address", one.name, out.addr_spec),
                             "a column of addresses holds one a row");
        }
        out.display_name = out.display_name.empty() ? list->front().display_name : out.display_name;
        out.addr_spec = list->front().addr_spec;
    }
    if (const auto path = mailbox::parse(out.addr_spec); !path) {
        throw data_error(
            fmt::format("{}: \"{}\" is not an address: {}", one.name, out.addr_spec, message(path.error())));
    }
    const bool tab = out.display_name.find('\t') != std::string::npos; // readers take it for an attack
    const auto objection = tab ? "holds a tab; take it out" : header_objection(out.display_name);
    if (!objection.empty()) {
        throw data_error(fmt::format("{}: the name \"{}\" {}", one.name, out.display_name, objection));
    }
    return out;
}

std::string mail_template::fill_addresses(const field& one, const std::vector<std::string>& row,
                                          std::string& first) const {
    header_tokens tokens;
    for (const auto& box : one.mailboxes) {
        const address who = fill_mailbox(one, box, row);
        first = first.empty() ? who.addr_spec : first;
        if (!tokens.empty()) {
            tokens.back() += ',';
        }
        // A local part beyond ASCII needs SMTPUTF8; the client says so where the server lacks it.
        const auto ascii = ascii_mailbox(who.addr_spec);
        const std::string text = ascii ? *ascii : who.addr_spec;
        auto phrase = phrase_tokens(who.display_name, tokens.empty() ? first_column(one.name) : 1);
        const bool named = !phrase.empty();
        std::move(phrase.begin(), phrase.end(), std::back_inserter(tokens));
        tokens.push_back(named ? "<" + text + ">" : text);
    }
    std::string out;
    append_field(out, one.name, tokens);
    return out;
}

std::string mail_template::fill_text(const field& one, const std::vector<std::string>& row) {
    const std::string value = trimmed(one.text.front().fill(row));
    if (const auto objection = header_objection(value); !objection.empty()) {
        throw data_error(fmt::format("{}: the value {}", one.name, objection));
    }
    if (one.what == kind::verbatim && (!is_ascii(value) || value.empty())) {
        throw data_error(fmt::format("{}: \"{}\" is no value for this field", one.name, value),
                         "only ASCII can stand there");
    }
    std::string out;
    if (one.what == kind::verbatim) {
        out.append(one.name).append(": ").append(value).append("\r\n");
    } else if (!value.empty()) {
        append_field(out, one.name, text_tokens(value, first_column(one.name)));
    }
    return out;
}

std::string mail_template::missing_fields(const std::string& from, const own& mine) const {
    std::string out;
    if (!present_.contains("to")) {
        const auto ascii = ascii_mailbox(mine.recipient);
        append_field(out, "To", {ascii ? *ascii : mine.recipient});
    }
    if (!present_.contains("date")) {
        out += date_field(mine.date);
    }
    if (!present_.contains("mime-version") && !body_.texts().empty()) {
        out += "MIME-Version: 1.0\r\n";
    }
    if (!present_.contains("message-id")) {
        const std::string domain = from.substr(from.rfind('@'));
        const auto ascii = ascii_mailbox("x" + domain);
        out += fmt::format("Message-ID: <{}{}>\r\n", mine.message_id, ascii ? ascii->substr(1) : domain);
    }
    return out;
}

std::string mail_template::fill_header(const std::vector<std::string>& row, const own& mine) const {
    std::string out;
    std::string from;
    for (const auto& one : fields_) {
        if (one.what == kind::fixed) {
            out += one.raw;
        } else if (one.what == kind::addresses) {
            std::string first;
            out += fill_addresses(one, row, first);
            from = equal_ignoring_case(one.name, "from") ? first : from;
        } else {
            out += fill_text(one, row);
        }
    }
    return out + missing_fields(from, mine);
}

std::string mail_template::fill(const std::vector<std::string>& row, const own& mine) const {
    return fill_header(row, mine) + body_.fill(row);
}

} // namespace postrider::cli
