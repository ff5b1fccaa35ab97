#include "visible.hpp"

#include <array>
#include <cstdint>

namespace postrider::line {

namespace {

struct range {
    char32_t first;
    char32_t last;
};

// What would hide itself or turn the text around: C1 controls, soft hyphen, Arabic letter mark, Mongolian
// vowel separator, zero-width and bidirectional characters, line separators, fillers, variation selectors,
// byte order mark, interlinear and musical controls, private use, tags.
constexpr std::array hidden{
    range{0x80, 0x9F},        range{0xAD, 0xAD},     range{0x61C, 0x61C},   range{0x115F, 0x1160},
    range{0x180B, 0x180F},    range{0x200B, 0x200F}, range{0x2028, 0x202E}, range{0x2060, 0x206F},
    range{0x3164, 0x3164},    range{0xE000, 0xF8FF}, range{0xFE00, 0xFE0F}, range{0xFEFF, 0xFEFF},
    range{0xFFA0, 0xFFA0},    range{0xFFF0, 0xFFFB}, range{0xFFFE, 0xFFFF}, range{0x1D173, 0x1D17A},
    range{0xE0000, 0x10FFFF},
};

bool is_hidden(char32_t c) noexcept {
    for (const range& r : hidden) {
        if (c >= r.first && c <= r.last) {
            return true;
        }
    }
    return false;
}

struct character {
    char32_t value = 0;
    std::size_t size = 0; // 0: not UTF-8
};

// The range of a sequence's second octet, which some leads narrow (RFC 3629 4): no overlong forms, no
// surrogates, nothing over U+10FFFF.
range second_octet(std::uint32_t lead) noexcept {
    switch (lead) {
    case 0xE0:
        return {0xA0, 0xBF};
    case 0xED:
        return {0x80, 0x9F};
    case 0xF0:
        return {0x90, 0xBF};
    case 0xF4:
        return {0x80, 0x8F};
    default:
        return {0x80, 0xBF};
    }
}

character decode(std::string_view text) noexcept {
    const std::uint32_t lead = static_cast<unsigned char>(text.front());
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) {
        return {};
    }
    char32_t value = lead & (0x7FU >> size);
    range allowed = second_octet(lead);
    for (std::size_t i = 1; i < size; ++i) {
        const std::uint32_t octet = static_cast<unsigned char>(text[i]);
        if (octet < allowed.first || octet > allowed.last) {
            return {};
        }
        value = (value << 6U) | (octet & 0x3FU);
        allowed = {0x80, 0xBF};
    }
    return {value, size};
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        out += "0123456789abcdef"[(value >> shift) & 15U];
    }
}

} // namespace

std::string visible(std::string_view foreign) {
    std::string out;
    out.reserve(foreign.size());
    while (!foreign.empty()) {
        const auto octet = static_cast<unsigned char>(foreign.front());
        if (octet >= ' ' && octet < 0x7F && octet != '\\') {
            out += foreign.front();
            foreign.remove_prefix(1);
            continue;
        }
        const character c = octet < 0x80 ? character{octet, 0} : decode(foreign);
        if (c.size == 0) {
            out += "\\x";
            append_hex(out, octet, 2);
        } else if (is_hidden(c.value)) {
            out += "\\u{";
            append_hex(out, c.value, c.value > 0xFFFF ? 6 : 4);
            out += '}';
        } else {
            out += foreign.substr(0, c.size);
        }
        foreign.remove_prefix(c.size == 0 ? 1 : c.size);
    }
    return out;
}

} // namespace postrider::line
