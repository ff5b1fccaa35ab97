// What mechanisms share: texts that may be unset, LOGIN's prompts, and responses of fixed texts around a name
// in which ',' and '=' are escaped.
#pragma once

#include "postrider/capabilities.hpp"
#include "text.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace postrider::sasl {

inline constexpr std::string_view end_of_parts{}; // data() == nullptr

/// An unset text is an empty part, not the end.
constexpr std::string_view present(std::string_view s) noexcept {
    return s.data() == nullptr ? std::string_view{""} : s;
}

/// Whether a challenge of LOGIN asks for the password; whatever does not asks for the user first. Servers
/// differ in what follows the word ("Username:", "User Name\0").
constexpr std::string_view password_word = "password";
inline bool asks_for_password(std::string_view challenge) noexcept {
    return challenge.size() >= password_word.size() &&
           equal_ignoring_case(text::prefix(challenge, password_word.size()), password_word);
}

/// RFC 5802 5.1: the first piece of what is left of a saslname, as it is sent.
constexpr std::string_view escaped_piece(std::string_view& rest) noexcept {
    std::size_t plain = 0;
    while (plain < rest.size() && rest[plain] != ',' && rest[plain] != '=') {
        ++plain;
    }
    if (plain > 0) {
        const std::string_view piece = text::prefix(rest, plain);
        rest = text::without(rest, plain);
        return piece;
    }
    const std::string_view piece = rest[0] == ',' ? "=2C" : "=3D";
    rest = text::without(rest, 1);
    return piece;
}

/// One part of: what stands before, the name escaped, what stands behind.
constexpr std::string_view part_around(std::span<const std::string_view> before, std::string_view name,
                                       std::span<const std::string_view> behind, std::size_t index) noexcept {
    if (index < before.size()) {
        return present(before[index]);
    }
    index -= before.size();
    while (!name.empty()) {
        const std::string_view piece = escaped_piece(name);
        if (index == 0) {
            return piece;
        }
        --index;
    }
    return index < behind.size() ? present(behind[index]) : end_of_parts;
}

} // namespace postrider::sasl
