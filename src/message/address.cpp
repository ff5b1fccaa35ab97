// address.cpp - address lists as people write them (RFC 5322 3.4).
//
// The list is cut here and not by GMime, whose parser forgives: it drops what it does not understand, turns
// A-labels into U-labels and calls itself for groups. A recipient lost in silence is the worst a mail program
// can do, so whatever does not parse is an error with the piece that caused it. GMime decodes the display
// names.
//
// One pass, no recursion: comments nest by a counter, and groups do not nest at all.
#include "address.hpp"

#include "gmime.hpp"
#include "postrider/path.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace postrider {
namespace {

constexpr bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), is_control);
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view{}
                                           : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

class list_parser {
  public:
    list_parser(std::string_view text, std::string* why) : text_(text), why_(why) {}

    result<std::vector<address>> run() {
        if (const errc e = check_characters(); e != errc::ok) {
            return e;
        }
        while (at_ != text_.size()) {
            if (const errc e = step(); e != errc::ok) {
                return e;
            }
        }
        if (in_group_) {
            return fail("a group is not closed; put ';' behind its last member");
        }
        if (const errc e = finish_item(); e != errc::ok) {
            return e;
        }
        return std::move(found_);
    }

  private:
    errc check_characters() {
        utf8_check encoding;
        encoding.feed(text_);
        if (!encoding.valid()) {
            return refuse(why_, errc::bad_address, "the addresses are not valid UTF-8");
        }
        const auto bad =
            std::find_if(text_.begin(), text_.end(), [](char c) { return c != '\t' && is_control(c); });
        if (bad != text_.end()) {
            item_begin_ = static_cast<std::size_t>(bad - text_.begin());
            return fail("a control character stands in the addresses; take it out");
        }
        return errc::ok;
    }

    errc step() {
        const char c = text_[at_];
        switch (c) {
        case '(':
            return skip_comment();
        case '"':
            return take_quoted();
        case '[':
            return take_until(']', "a domain literal is not closed; put ']' behind it");
        case '<':
            return take_angle();
        case ',':
            ++at_;
            return finish_item();
        case ':':
            return open_group();
        case ';':
            return close_group();
        case '>':
        case ')':
        case ']':
        case '\\':
            return fail("a stray character stands in it; put the name in double quotes");
        default:
            return take_plain(c);
        }
    }

    errc take_plain(char c) {
        const bool blank = c == ' ' || c == '\t';
        if (has_angle_ && !blank) {
            return fail("text follows the '>'; separate addresses with commas");
        }
        if (item_.empty() && !blank) {
            item_begin_ = at_;
        }
        item_.push_back(blank ? ' ' : c);
        ++at_;
        return errc::ok;
    }

    errc take_quoted() {
        const std::size_t begin = at_++;
        while (at_ < text_.size() && text_[at_] != '"') {
            at_ += text_[at_] == '\\' ? 2 : 1;
        }
        if (at_ >= text_.size()) {
            at_ = begin;
            return fail("a quoted string is not closed; put '\"' behind it");
        }
        return take_raw(begin, ++at_);
    }

    errc take_until(char last, const char* otherwise) {
        const auto end = text_.find(last, at_);
        if (end == std::string_view::npos) {
            return fail(otherwise);
        }
        const std::size_t begin = std::exchange(at_, end + 1);
        return take_raw(begin, at_);
    }

    errc take_raw(std::size_t begin, std::size_t end) {
        if (has_angle_) {
            return fail("text follows the '>'; separate addresses with commas");
        }
        item_begin_ = item_.empty() ? begin : item_begin_;
        item_.append(text_.substr(begin, end - begin));
        return errc::ok;
    }

    errc skip_comment() {
        const std::size_t begin = at_;
        std::size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            at_ += c == '\\' ? 2 : 1;
            depth += c == '(' ? 1 : 0;
            depth -= c == ')' ? 1 : 0;
            if (depth == 0) {
                item_.push_back(' ');
                return errc::ok;
            }
        }
        at_ = item_begin_ = begin;
        return fail("a comment is not closed; put ')' behind it");
    }

    errc take_angle() {
        if (has_angle_) {
            return fail("a second '<' follows; separate addresses with commas");
        }
        item_begin_ = item_.empty() ? at_ : item_begin_;
        std::string phrase = std::exchange(item_, {});
        ++at_;
        while (at_ < text_.size() && text_[at_] != '>') {
            if (text_[at_] == '<') {
                return fail("two '<' stand in one address");
            }
            const errc e = text_[at_] == '"'   ? take_quoted()
                           : text_[at_] == '(' ? skip_comment()
                                               : take_plain(text_[at_]);
            if (e != errc::ok) {
                return e;
            }
        }
        if (at_ >= text_.size()) {
            return fail("the '>' is missing");
        }
        ++at_;
        has_angle_ = true;
        phrase_ = std::move(phrase);
        return errc::ok;
    }

    errc open_group() {
        if (in_group_ || has_angle_ || trimmed(item_).empty()) {
            return fail("a ':' stands where none may; groups do not nest, and names that hold one need "
                        "double quotes");
        }
        in_group_ = true;
        ++at_;
        item_.clear();
        return errc::ok;
    }

    errc close_group() {
        if (!in_group_) {
            return fail("a ';' stands outside a group; separate addresses with commas");
        }
        in_group_ = false;
        ++at_;
        return finish_item();
    }

    errc finish_item() {
        const std::string_view mailbox_text = trimmed(item_);
        if (mailbox_text.empty() && !has_angle_) {
            item_.clear();
            return errc::ok; // RFC 5322 4.4 has empty elements
        }
        if (const errc e = check_mailbox(mailbox_text, why_); e != errc::ok) {
            return e;
        }
        address one{decode_phrase(trimmed(phrase_)), std::string(mailbox_text)};
        if (has_control(one.display_name)) {
            return fail("the display name holds an encoded control character");
        }
        found_.push_back(std::move(one));
        item_.clear();
        phrase_.clear();
        has_angle_ = false;
        return errc::ok;
    }

    /// A quoted string is taken by its letter (RFC 2047 5: no encoded word may stand in one).
    static std::string decode_phrase(std::string_view phrase) {
        if (phrase.find('"') != std::string_view::npos) {
            std::string copy(phrase);
            g_mime_utils_unquote_string(copy.data());
            copy.resize(copy.find('\0') == std::string::npos ? copy.size() : copy.find('\0'));
            return copy;
        }
        if (phrase.find("=?") == std::string_view::npos) {
            return std::string(phrase);
        }
        start_gmime();
        const glib_text decoded(g_mime_utils_header_decode_phrase(nullptr, std::string(phrase).c_str()));
        return decoded.get();
    }

    errc fail(const char* cause) {
        return refuse(why_, errc::bad_address, quoted(text_.substr(item_begin_)) + ": " + cause);
    }

    std::string_view text_;
    std::string* why_;
    std::vector<address> found_;
    std::size_t at_ = 0;
    std::size_t item_begin_ = 0; // for explanations
    std::string item_;           // the current element without its comments; behind '<' the addr-spec
    std::string phrase_;
    bool has_angle_ = false;
    bool in_group_ = false;
};

} // namespace

errc refuse(std::string* why, errc error, std::string explanation) {
    if (why != nullptr) {
        *why = std::move(explanation);
    }
    return error;
}

std::string quoted(std::string_view text) {
    constexpr std::size_t longest = 80;
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "'";
    for (const char c : text.substr(0, longest)) {
        const auto value = static_cast<unsigned char>(c);
        if (is_control(c)) {
            out += {'\\', 'x', hex[value >> 4], hex[value & 15]};
        } else {
            out += c;
        }
    }
    while (text.size() > longest && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) {
        out.pop_back(); // the cut may have split a character: what is left of it goes
    }
    if (text.size() > longest && static_cast<unsigned char>(out.back()) >= 0xC0) {
        out.pop_back();
    }
    return out + (text.size() > longest ? "...'" : "'");
}

errc check_mailbox(std::string_view addr_spec, std::string* why) {
    const auto parsed = mailbox::parse(addr_spec);
    if (!parsed) {
        const bool too_long = parsed.error() == errc::address_too_long;
        return refuse(
            why, parsed.error(),
            quoted(addr_spec) +
                (too_long ? " is longer than an address may be (RFC 5321 4.5.3.1)"
                          : " is not a mailbox; write local-part@domain, the local part in double quotes "
                            "where it holds other than letters, digits and single dots"));
    }
    if (ascii_domain(parsed->domain()).empty()) {
        return refuse(why, errc::bad_address,
                      quoted(addr_spec) + ": the domain is not a valid internationalised name (IDNA2008)");
    }
    return errc::ok;
}

std::vector<std::string> distinct_mailboxes(std::span<const std::vector<address>* const> lists) {
    std::vector<std::string> found;
    std::unordered_set<std::string> seen;
    for (const auto* list : lists) {
        for (const address& one : *list) {
            std::string key = one.addr_spec;
            const auto at = key.rfind('@');
            for (std::size_t i = at == std::string::npos ? 0 : at; i != key.size(); ++i) {
                key[i] = ascii_lower(key[i]);
            }
            if (seen.insert(std::move(key)).second) {
                found.push_back(one.addr_spec);
            }
        }
    }
    return found;
}

result<std::vector<address>> parse_address_list(std::string_view text, std::string* why) {
    return list_parser(text, why).run();
}

} // namespace postrider
