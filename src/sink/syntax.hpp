// syntax.hpp - the grammar of RFC 5321 4.1.2 as a server reads it: paths, parameters, xtext.
//
// Views into the command line only: nothing is copied, nothing outlives the line.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace postrider::sink {

/// A reply that refuses; code 0 means there is nothing to refuse. Text and enhanced code are static strings.
struct problem {
    int code = 0;
    std::string_view enhanced;
    std::string_view text;
    explicit operator bool() const noexcept { return code != 0; }
};

struct parameter {
    std::string_view keyword;
    std::string_view value;
    bool has_value = false;
};

/// What stands behind MAIL FROM: or RCPT TO:.
struct path_argument {
    std::string_view mailbox; ///< without brackets and source route; empty for <>
    bool non_ascii = false;
    std::array<parameter, 16> parameters{};
    std::size_t count = 0;
};

/// ASCII only, independent of the locale.
bool same_keyword(std::string_view left, std::string_view right) noexcept;

/// Reads "FROM:<path> parameters" (`prefix` is "FROM:" or "TO:"); the problem says what is wrong, 501 or 553.
problem parse_path_argument(std::string_view argument, std::string_view prefix, path_argument& out);

/// A Mailbox of RFC 5321 4.1.2, UTF-8 allowed as in RFC 6531 3.3.
bool is_mailbox(std::string_view text) noexcept;
/// Domain or address literal; also '_' in labels, which host names in the wild carry.
bool is_domain_or_literal(std::string_view text) noexcept;
bool is_utf8(std::string_view text) noexcept;
/// RFC 3461 4: printable ASCII without '+' and '=', or "+" and two capital hexadecimal digits.
bool is_xtext(std::string_view text) noexcept;
/// RFC 3461 4.1: NEVER alone, or SUCCESS, FAILURE, DELAY, each once.
bool is_notify(std::string_view text) noexcept;
/// RFC 3461 4.2: addr-type ";" xtext; with `utf8` also the raw UTF-8 of RFC 6533 3.
bool is_orcpt(std::string_view text, bool utf8) noexcept;

/// Length in octets of the UTF-8 sequence at the front, 0 when it is not valid (overlong, surrogate, cut
/// off); the code point goes to `point`.
std::size_t utf8_sequence(std::string_view text, char32_t& point) noexcept;

/// `*` any run, `?` one octet; ASCII case does not matter.
bool glob_match(std::string_view pattern, std::string_view text) noexcept;

} // namespace postrider::sink
