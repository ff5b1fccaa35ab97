// Small text tools of the core. std::string_view::substr is not used anywhere: it brings the exception
// machinery along.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace postrider::text {

constexpr std::string_view prefix(std::string_view s, std::size_t n) noexcept {
    return {s.data(), n};
}
constexpr std::string_view without(std::string_view s, std::size_t n) noexcept {
    return {s.data() + n, s.size() - n};
}
inline void copy(std::string_view from, char* to) noexcept {
    if (!from.empty()) {
        std::memcpy(to, from.data(), from.size());
    }
}
constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) noexcept {
    const char folded = static_cast<char>(c | 0x20);
    return folded >= 'a' && folded <= 'z';
}
constexpr bool is_alnum(char c) noexcept {
    return is_digit(c) || is_letter(c);
}
constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
/// C0 and DEL.
constexpr bool is_control(char c) noexcept {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

constexpr bool has_control(std::string_view s) noexcept {
    for (const char c : s) {
        if (is_control(c)) {
            return true;
        }
    }
    return false;
}

constexpr bool is_ascii(std::string_view s) noexcept {
    for (const char c : s) {
        if (static_cast<unsigned char>(c) >= 0x80) {
            return false;
        }
    }
    return true;
}

} // namespace postrider::text
