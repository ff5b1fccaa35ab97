// The parser of mailboxes: one pass, no recursion, no copies.
#include "postrider/path.hpp"

#include "postrider/capabilities.hpp"
#include "text.hpp"

#include <array>

namespace postrider {

namespace {

using text::prefix;
using text::without;

constexpr std::size_t max_local_part = 64;
constexpr std::size_t max_domain = 255;
constexpr std::size_t max_path = 254; // 256 with the angle brackets (RFC 5321 4.5.3.1.3)
constexpr std::size_t max_label = 63;

constexpr bool is_ascii(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x80;
}

// What an octet may stand for: bits of a table, for every octet of every address is looked up.
constexpr std::uint8_t atext = 1;   // RFC 5322 3.2.3
constexpr std::uint8_t let_dig = 2; // RFC 5321 4.1.2

constexpr auto classes = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0; c < 0x80; ++c) {
        table[c] = text::is_alnum(static_cast<char>(c)) ? atext | let_dig : 0;
    }
    for (const char c : std::string_view("!#$%&'*+-/=?^_`{|}~")) {
        table[static_cast<unsigned char>(c)] = atext;
    }
    return table;
}();

constexpr bool is(std::uint8_t what, char c) noexcept {
    return (classes[static_cast<unsigned char>(c)] & what) != 0;
}

struct code_point {
    std::uint32_t value = 0;
    std::size_t size = 0; // 0: not UTF-8
};

// One UTF-8 sequence of two octets or more (RFC 3629 4): no overlong forms, surrogates or values over
// U+10FFFF.
code_point decode(std::string_view s) noexcept {
    const auto first = static_cast<unsigned char>(s[0]);
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || s.size() < size) {
        return {};
    }
    std::uint32_t value = first & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        const auto c = static_cast<unsigned char>(s[i]);
        if ((c & 0xC0U) != 0x80U) {
            return {};
        }
        value = value << 6U | (c & 0x3FU);
    }
    const bool overlong = size == 3 ? value < 0x800 : size == 4 && value < 0x10000;
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    return overlong || surrogate || value > 0x10FFFF ? code_point{} : code_point{value, size};
}

// Controls, and what other software could take for '@' or '.': U+FF20, U+3002, U+FF0E, U+FF61 (RFC
// 5890 2.3.2.3).
constexpr bool is_misleading(std::uint32_t c) noexcept {
    return c < 0xA0 || c == 0xFF20 || c == 0x3002 || c == 0xFF0E || c == 0xFF61 || c == 0x2028 || c == 0x2029;
}

// How many octets of UTF-8 stand at the front of s and may be part of an address; 0 for none.
std::size_t utf8_at(std::string_view s, bool& seen) noexcept {
    if (!feature::smtputf8 || is_ascii(s[0])) {
        return 0;
    }
    const code_point c = decode(s);
    if (c.size == 0 || is_misleading(c.value)) {
        return 0;
    }
    seen = true;
    return c.size;
}

// Where the run of such octets that begins at `from` ends.
std::size_t end_of_run(std::uint8_t what, std::string_view s, std::size_t from) noexcept {
    while (from < s.size() && is(what, s[from])) {
        ++from;
    }
    return from;
}

// Dot-string: atoms joined by single dots. Returns its size, 0 when there is none.
std::size_t dot_string(std::string_view s, bool& utf8) noexcept {
    std::size_t i = 0;
    bool atom_ended = true; // an atom must start here
    for (;;) {
        const std::size_t end = end_of_run(atext, s, i);
        atom_ended = atom_ended && end == i;
        i = end;
        if (i == s.size() || s[i] == '@') {
            return atom_ended ? 0 : i;
        }
        const bool dot = s[i] == '.' && !atom_ended;
        const std::size_t n = dot ? 1 : utf8_at(without(s, i), utf8);
        if (n == 0) {
            return 0;
        }
        atom_ended = dot;
        i += n;
    }
}

// The size of what may stand at the front of s within quotes, or behind a backslash there; 0 for nothing.
std::size_t quoted_character(std::string_view s, bool escaped, bool& utf8) noexcept {
    if (is_ascii(s[0])) {
        return text::is_control(s[0]) ? 0 : 1;
    }
    return escaped ? 0 : utf8_at(s, utf8);
}

// Quoted-string with its quotes. Returns its size, 0 when it is not one.
std::size_t quoted_string(std::string_view s, bool& utf8) noexcept {
    std::size_t i = 1;
    while (i < s.size() && s[i] != '"') {
        const bool pair = s[i] == '\\';
        i += pair ? 1 : 0;
        if (i == s.size()) {
            return 0;
        }
        const std::size_t n = quoted_character(without(s, i), pair, utf8);
        if (n == 0) {
            return 0;
        }
        i += n;
    }
    return i < s.size() ? i + 1 : 0;
}

// Takes one label off the front: letters, digits and inner hyphens, or UTF-8. False when it is not one.
bool take_label(std::string_view& s, bool& utf8) noexcept {
    std::size_t i = end_of_run(let_dig, s, 0);
    while (i < s.size() && s[i] != '.') {
        const std::size_t n = s[i] == '-' && i > 0 ? 1 : utf8_at(without(s, i), utf8);
        if (n == 0) {
            return false;
        }
        i = end_of_run(let_dig, s, i + n);
    }
    const bool fits = i > 0 && i <= max_label && s[i - 1] != '-';
    s = without(s, i);
    return fits;
}

bool is_domain(std::string_view s, bool& utf8) noexcept {
    if (s.size() > max_domain) {
        return false;
    }
    while (take_label(s, utf8)) {
        if (s.empty()) {
            return true;
        }
        s = without(s, 1); // the dot
    }
    return false;
}

// Takes 1 to 3 digits up to 255.
bool take_octet(std::string_view& s) noexcept {
    unsigned value = 0;
    std::size_t n = 0;
    while (n < s.size() && n < 3 && text::is_digit(s[n])) {
        value = value * 10 + static_cast<unsigned>(s[n] - '0');
        ++n;
    }
    s = without(s, n);
    return n > 0 && value <= 255;
}

bool is_ipv4(std::string_view s) noexcept {
    for (unsigned i = 0; i < 4; ++i) {
        if (i > 0) {
            if (s.empty() || s[0] != '.') {
                return false;
            }
            s = without(s, 1);
        }
        if (!take_octet(s)) {
            return false;
        }
    }
    return s.empty();
}

constexpr bool is_hex_digit(char c) noexcept {
    return text::is_digit(c) || (text::lower(c) >= 'a' && text::lower(c) <= 'f');
}

// Takes one colon, or two when that is the first "::". False when something else stands there or nothing
// follows.
bool take_colons(std::string_view& s, bool& compressed) noexcept {
    if (s[0] != ':' || s.size() < 2) {
        return false;
    }
    s = without(s, 1);
    if (s[0] != ':') {
        return true;
    }
    s = without(s, 1);
    const bool first = !compressed;
    compressed = true;
    return first;
}

std::size_t hex_digits(std::string_view s) noexcept {
    std::size_t n = 0;
    while (n < s.size() && is_hex_digit(s[n])) {
        ++n;
    }
    return n;
}

// Takes a group and the colons behind it, or the IPv4 address that stands for the last two groups.
bool take_groups(std::string_view& s, unsigned& groups, bool& compressed) noexcept {
    const std::size_t n = hex_digits(s);
    if (n < s.size() && s[n] == '.') {
        groups += 2;
        const bool ipv4 = is_ipv4(s);
        s = {};
        return ipv4;
    }
    ++groups;
    s = without(s, n);
    return n >= 1 && n <= 4 && (s.empty() || take_colons(s, compressed));
}

// RFC 5321 4.1.3: eight groups, or fewer with one "::".
bool is_ipv6(std::string_view s) noexcept {
    unsigned groups = 0;
    bool compressed = s.size() >= 2 && s[0] == ':' && s[1] == ':';
    s = without(s, compressed ? 2 : 0);
    while (!s.empty()) {
        if (!take_groups(s, groups, compressed)) {
            return false;
        }
    }
    return compressed ? groups <= 7 : groups == 8;
}

// [IPv4] or [IPv6:...] (RFC 5321 4.1.3). The general form takes only tags registered with IANA, and there is
// no other: what looks like one is an IPv6 address whose tag was forgotten.
bool is_literal(std::string_view s) noexcept {
    if (s.size() < 3 || s.size() > max_domain || s[0] != '[' || s[s.size() - 1] != ']') {
        return false;
    }
    s = {s.data() + 1, s.size() - 2};
    constexpr std::string_view ipv6 = "IPv6:";
    if (s.size() > ipv6.size() && equal_ignoring_case(prefix(s, ipv6.size()), ipv6)) {
        return is_ipv6(without(s, ipv6.size()));
    }
    return is_ipv4(s);
}

} // namespace

result<mailbox> mailbox::parse(std::string_view text) noexcept {
    if (text.size() > max_path) {
        return errc::address_too_long;
    }
    bool utf8 = false;
    const bool quoted = !text.empty() && text[0] == '"';
    const std::size_t local = quoted ? quoted_string(text, utf8) : dot_string(text, utf8);
    if (local == 0 || local == text.size() || text[local] != '@') {
        return errc::bad_address;
    }
    if (local > max_local_part) {
        return errc::address_too_long;
    }
    const std::string_view domain = without(text, local + 1);
    if (!is_literal(domain) && !is_domain(domain, utf8)) {
        return errc::bad_address;
    }
    return mailbox{text.data(), text.size(), local, utf8};
}

namespace {

// Whether c may stand in a lenient address here; keeps track of quotes and of the last '@' outside them.
struct lenient_scan {
    bool quoted = false;
    bool escaped = false;
    bool utf8 = false;
    std::size_t at = 0;

    bool take(char c, std::size_t i) noexcept {
        utf8 = utf8 || !is_ascii(c);
        if (text::is_control(c)) {
            return false;
        }
        if (escaped || (quoted && c == '\\')) {
            escaped = !escaped;
            return true;
        }
        if (c == '"') {
            quoted = !quoted;
        }
        if (!quoted && c == '@') {
            at = i;
        }
        // Some servers honour a backslash outside quotes, and would see a quoted bracket as the end.
        return quoted || (c != '<' && c != '>' && c != ' ' && c != '\\');
    }
};

} // namespace

result<mailbox> mailbox::parse_lenient(std::string_view text) noexcept {
    if (text.size() >= 2 && text[0] == '<' && text[text.size() - 1] == '>') {
        text = {text.data() + 1, text.size() - 2};
    }
    if (text.size() > max_path) {
        return errc::address_too_long;
    }
    lenient_scan scan;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!scan.take(text[i], i)) {
            return errc::bad_address;
        }
    }
    if (text.empty() || scan.quoted) {
        return errc::bad_address;
    }
    return mailbox{text.data(), text.size(), scan.at == 0 ? text.size() : scan.at, scan.utf8};
}

result<reverse_path> reverse_path::parse(std::string_view text) noexcept {
    if (text.empty() || text == "<>") {
        return reverse_path{};
    }
    const result<mailbox> m = mailbox::parse(text);
    return m ? result<reverse_path>{reverse_path{*m}} : m.error();
}

result<forward_path> forward_path::parse(std::string_view text) noexcept {
    const result<mailbox> m =
        equal_ignoring_case(text, "postmaster") ? mailbox::parse_lenient(text) : mailbox::parse(text);
    return m ? result<forward_path>{forward_path{*m}} : m.error();
}

bool is_domain_or_literal(std::string_view text) noexcept {
    bool utf8 = false;
    return is_literal(text) || is_domain(text, utf8);
}

} // namespace postrider
