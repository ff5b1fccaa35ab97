#include "sink/syntax.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace postrider::sink {
namespace {

constexpr std::size_t max_path = 254; // RFC 5321 4.5.3.1.3 allows 256 octets, the brackets included
constexpr std::size_t max_local_part = 64;
constexpr std::size_t max_domain = 255;
constexpr std::size_t max_label = 63;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_alpha(char c) noexcept {
    return lower(c) >= 'a' && lower(c) <= 'z';
}
bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
    return is_alpha(c) || is_digit(c);
}
bool is_high(char c) noexcept {
    return static_cast<unsigned char>(c) >= 0x80;
}
bool is_atext(char c) noexcept {
    return is_alnum(c) || is_high(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Splits at each separator and asks for every piece; an empty piece is the predicate's to refuse.
template <class Predicate>
bool every_piece(std::string_view text, char separator, Predicate ok) {
    for (;;) {
        const auto cut = text.find(separator);
        if (!ok(text.substr(0, cut)))
            return false;
        if (cut == std::string_view::npos)
            return true;
        text.remove_prefix(cut + 1);
    }
}

bool is_dot_string(std::string_view text) noexcept {
    return every_piece(text, '.', [](std::string_view atom) {
        return !atom.empty() && std::all_of(atom.begin(), atom.end(), is_atext);
    });
}

// Length of the quoted string at the front, quotes included; 0 when there is none.
std::size_t quoted_string(std::string_view text) noexcept {
    if (text.empty() || text[0] != '"')
        return 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"')
            return i + 1;
        if (text[i] == '\\' && ++i == text.size())
            return 0;
        if (!is_high(text[i]) && (text[i] < ' ' || text[i] > '~'))
            return 0;
    }
    return 0;
}

bool is_domain(std::string_view text) noexcept {
    return text.size() <= max_domain && every_piece(text, '.', [](std::string_view label) {
               return !label.empty() && label.size() <= max_label && label.front() != '-' &&
                      label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                          return is_alnum(c) || is_high(c) || c == '-' || c == '_';
                      });
           });
}

bool is_general_literal(std::string_view text) noexcept {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size() || text[colon - 1] == '-')
        return false;
    const auto tag = text.substr(0, colon);
    const auto content = text.substr(colon + 1);
    return std::all_of(tag.begin(), tag.end(), [](char c) { return is_alnum(c) || c == '-'; }) &&
           std::all_of(content.begin(), content.end(),
                       [](char c) { return c >= '!' && c <= '~' && c != '[' && c != ']' && c != '\\'; });
}

bool is_literal(std::string_view text) noexcept {
    if (text.size() < 3 || text.size() > max_domain || text.front() != '[' || text.back() != ']')
        return false;
    const auto inner = text.substr(1, text.size() - 2);
    if (inner.find('\0') != std::string_view::npos)
        return false;
    std::array<char, max_domain + 1> terminated{};
    std::copy(inner.begin(), inner.end(), terminated.begin());
    std::array<unsigned char, 16> address{};
    if (inet_pton(AF_INET, terminated.data(), address.data()) == 1)
        return true;
    if (inner.size() > 5 && same_keyword(inner.substr(0, 5), "IPv6:"))
        return inet_pton(AF_INET6, terminated.data() + 5, address.data()) == 1;
    return is_general_literal(inner);
}

// What the first octet of a sequence beyond ASCII says; 0: it cannot be one.
std::size_t utf8_length(unsigned char first) noexcept {
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first < 0xE0)
        return 2;
    return first < 0xF0 ? 3 : 4;
}

// Where the path ends: the first '>' outside a quoted string.
std::size_t closing_bracket(std::string_view text) noexcept {
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quoted && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == '>')
            return i;
    }
    return std::string_view::npos;
}

// RFC 5321 4.1.1.3 and appendix C: a source route is to be accepted and ignored.
bool strip_source_route(std::string_view& path) noexcept {
    if (path.empty() || path[0] != '@')
        return true;
    const auto colon = path.find(':');
    if (colon == std::string_view::npos)
        return false;
    const bool good = every_piece(path.substr(0, colon), ',', [](std::string_view hop) {
        return hop.size() > 1 && hop[0] == '@' && is_domain(hop.substr(1));
    });
    path.remove_prefix(colon + 1);
    return good;
}

// esmtp-keyword, and esmtp-value: printable ASCII without '=' and space, and the UTF-8 of RFC 6531 3.3.
bool is_parameter(const parameter& one) noexcept {
    const bool named =
        !one.keyword.empty() && is_alnum(one.keyword[0]) &&
        std::all_of(one.keyword.begin(), one.keyword.end(), [](char c) { return is_alnum(c) || c == '-'; });
    const bool valued = std::all_of(one.value.begin(), one.value.end(),
                                    [](char c) { return is_high(c) || (c > ' ' && c <= '~' && c != '='); });
    return named && valued && (!one.has_value || !one.value.empty());
}

parameter split_parameter(std::string_view token) noexcept {
    const auto equals = token.find('=');
    if (equals == std::string_view::npos)
        return {token, {}, false};
    return {token.substr(0, equals), token.substr(equals + 1), true};
}

problem parse_parameters(std::string_view text, path_argument& out) {
    while (!text.empty()) {
        if (text[0] != ' ')
            return {501, "5.5.4", "Parameters must be set apart by a space"};
        text.remove_prefix(1);
        const auto token = text.substr(0, text.find(' '));
        text.remove_prefix(token.size());
        const auto one = split_parameter(token);
        if (!is_parameter(one))
            return {501, "5.5.4", "Malformed parameter"};
        const auto* const taken = out.parameters.begin() + out.count;
        if (std::any_of(out.parameters.cbegin(), taken,
                        [&one](const parameter& p) { return same_keyword(p.keyword, one.keyword); }))
            return {501, "5.5.4", "A parameter was given twice"};
        if (out.count == out.parameters.size())
            return {501, "5.5.4", "Too many parameters"};
        out.parameters[out.count++] = one;
    }
    return {};
}

problem check_path(std::string_view& path, bool forward) {
    if (!strip_source_route(path))
        return {501, "5.1.3", "Malformed source route"};
    const bool special = forward ? same_keyword(path, "Postmaster") : path.empty();
    if (special)
        return {};
    if (path.size() > max_path)
        return {501, "5.1.3", "Path longer than 256 octets"};
    if (!is_mailbox(path))
        return {501, forward ? "5.1.3" : "5.1.7", "The path is not a mailbox"};
    return {};
}

} // namespace

problem parse_path_argument(std::string_view argument, std::string_view prefix, path_argument& out) {
    const bool forward = prefix == "TO:";
    if (argument.size() < prefix.size() || !same_keyword(argument.substr(0, prefix.size()), prefix))
        return {501, "5.5.4", forward ? "Syntax: RCPT TO:<address>" : "Syntax: MAIL FROM:<address>"};
    argument.remove_prefix(prefix.size());
    if (argument.empty() || argument[0] != '<') {
        const bool spaced = !argument.empty() && argument[0] == ' ';
        return {501, "5.5.4",
                spaced ? "No space may follow the colon" : "The path must stand in angle brackets"};
    }
    argument.remove_prefix(1);
    const auto end = closing_bracket(argument);
    if (end == std::string_view::npos)
        return {501, "5.5.4", "The path has no closing bracket"};
    auto path = argument.substr(0, end);
    if (const auto bad = check_path(path, forward))
        return bad;
    out = {};
    out.mailbox = path;
    out.non_ascii = std::any_of(path.begin(), path.end(), is_high);
    return parse_parameters(argument.substr(end + 1), out);
}

bool same_keyword(std::string_view left, std::string_view right) noexcept {
    return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(),
                                                     [](char a, char b) { return lower(a) == lower(b); });
}

bool is_mailbox(std::string_view text) noexcept {
    if (!is_utf8(text))
        return false;
    const auto quoted = quoted_string(text);
    const auto at = quoted != 0 ? quoted : text.find('@');
    if (at == std::string_view::npos || at >= text.size() || text[at] != '@' || at > max_local_part)
        return false;
    const auto domain = text.substr(at + 1);
    return (quoted != 0 || is_dot_string(text.substr(0, at))) && is_domain_or_literal(domain);
}

bool is_domain_or_literal(std::string_view text) noexcept {
    return is_domain(text) || is_literal(text);
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        char32_t point = 0;
        const auto length = utf8_sequence(text, point);
        if (length == 0)
            return false;
        text.remove_prefix(length);
    }
    return true;
}

bool is_xtext(std::string_view text) noexcept {
    const auto hex = [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            if (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2]))
                return false;
            i += 2;
        } else if (text[i] < '!' || text[i] > '~' || text[i] == '=') {
            return false;
        }
    }
    return true;
}

bool is_notify(std::string_view text) noexcept {
    if (same_keyword(text, "NEVER"))
        return true;
    unsigned seen = 0;
    return every_piece(text, ',', [&seen](std::string_view word) {
        const unsigned bit = same_keyword(word, "SUCCESS")   ? 1U
                             : same_keyword(word, "FAILURE") ? 2U
                             : same_keyword(word, "DELAY")   ? 4U
                                                             : 0U;
        const bool fresh = bit != 0 && (seen & bit) == 0;
        seen |= bit;
        return fresh;
    });
}

bool is_orcpt(std::string_view text, bool utf8) noexcept {
    const auto semicolon = text.find(';');
    if (semicolon == std::string_view::npos || semicolon == 0 || semicolon + 1 == text.size())
        return false;
    const auto type = text.substr(0, semicolon);
    const auto address = text.substr(semicolon + 1);
    if (!std::all_of(type.begin(), type.end(), [](char c) { return is_alnum(c) || c == '-'; }))
        return false;
    if (is_xtext(address))
        return true;
    // RFC 6533 3: utf-8-addr-xtext and -unitext, whose "\x{HEX}" holds no character beyond printable ASCII.
    return utf8 && is_utf8(address) && std::all_of(address.begin(), address.end(), [](char c) {
               return is_high(c) || (c > ' ' && c <= '~' && c != '=');
           });
}

std::size_t utf8_sequence(std::string_view text, char32_t& point) noexcept {
    if (text.empty())
        return 0;
    const auto first = static_cast<unsigned char>(text[0]);
    point = first;
    if (first < 0x80)
        return 1;
    const std::size_t length = utf8_length(first);
    if (length == 0 || text.size() < length)
        return 0;
    point = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0U) != 0x80U)
            return 0;
        point = (point << 6U) | (next & 0x3FU);
    }
    constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000}; // below: overlong
    const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < smallest[length] || surrogate || point > 0x10FFFF ? 0 : length;
}

bool glob_match(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) { // let the last star take one octet more
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(),
                       [](char c) { return c == '*'; });
}

} // namespace postrider::sink
