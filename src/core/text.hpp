// Small text tools of the core. std::string_view::substr is not used anywhere: it brings the exception
// machinery along.
#pragma once

#include "postrider/features.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postrider::text {

constexpr std::string_view prefix(std::string_view s, std::size_t n) noexcept {
    return {s.data(), n};
}
constexpr std::string_view without(std::string_view s, std::size_t n) noexcept {
    return {s.data() + n, s.size() - n};
}
constexpr char last(std::string_view s) noexcept {
    return s.empty() ? '\0' : s[s.size() - 1];
}
/// They must not overlap. Most texts are a few words long: those are copied without a call, the end as a word
/// of its own.
inline void copy(std::string_view from, char* to) noexcept {
    constexpr std::size_t word = 8;
    constexpr std::size_t words = 2 * word;
    const std::size_t size = from.size();
    if (feature::fast_scan && size >= words && size <= 2 * words) {
        std::memcpy(to, from.data(), words);
        std::memcpy(to + size - words, from.data() + size - words, words);
    } else if (feature::fast_scan && size >= word && size < words) {
        std::memcpy(to, from.data(), word);
        std::memcpy(to + size - word, from.data() + size - word, word);
    } else if (!from.empty()) {
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

/// Puts texts one behind the other; its owner sees to it that there is room.
class writer {
  public:
    explicit writer(char* to) noexcept : to_(to) {}
    // Inline, for most of what is put is constant.
    void put(std::string_view s) noexcept {
        copy(s, to_);
        to_ += s.size();
    }
    // Each digit where it belongs: copied octet by octet first, they would have to be waited for.
    void put_number(std::uint64_t value) noexcept {
        unsigned digits = 1;
        for (std::uint64_t rest = value; rest >= 10; rest /= 10) {
            ++digits;
        }
        to_ += digits;
        for (char* at = to_; digits > 0; --digits, value /= 10) {
            *--at = static_cast<char>('0' + value % 10);
        }
    }
    /// Behind what was put.
    char* end() const noexcept { return to_; }

  private:
    char* to_;
};

// Addresses and replies are a few words long: eight octets at a time, and the rest as the last eight again.
namespace words {

inline constexpr std::uint64_t each = 0x0101010101010101U;

// 0x80 in each octet that is a control. No carry leaves an octet: adding one puts DEL in front of the others.
constexpr std::uint64_t controls(std::uint64_t word) noexcept {
    const std::uint64_t next = ((word & (0x7FU * each)) + each) & (0x7FU * each);
    return ~((next + 0x5FU * each) | word) & (0x80U * each);
}
constexpr std::uint64_t beyond_ascii(std::uint64_t word) noexcept {
    return word & (0x80U * each);
}

// Whether `look` finds something; s has eight octets or more.
template <class Look>
bool any(std::string_view s, Look look) noexcept {
    std::uint64_t found = 0;
    std::uint64_t word = 0;
    for (std::size_t i = 0; i + sizeof word < s.size(); i += sizeof word) {
        std::memcpy(&word, s.data() + i, sizeof word);
        found |= look(word);
    }
    std::memcpy(&word, s.data() + s.size() - sizeof word, sizeof word);
    return (found | look(word)) != 0;
}

} // namespace words

inline bool has_control(std::string_view s) noexcept {
    if (feature::fast_scan && s.size() >= sizeof(std::uint64_t)) {
        return words::any(s, words::controls);
    }
    for (const char c : s) {
        if (is_control(c)) {
            return true;
        }
    }
    return false;
}

inline bool is_ascii(std::string_view s) noexcept {
    if (feature::fast_scan && s.size() >= sizeof(std::uint64_t)) {
        return !words::any(s, words::beyond_ascii);
    }
    for (const char c : s) {
        if (static_cast<unsigned char>(c) >= 0x80) {
            return false;
        }
    }
    return true;
}

} // namespace postrider::text
