// line_end.hpp - where a line ends, sixteen octets at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace postrider {

/// Which octet of a word is the first, counting from the lowest address, that is not zero; one is.
inline unsigned index_of_octet(std::uint64_t word) noexcept {
    constexpr bool little = std::endian::native == std::endian::little;
    return static_cast<unsigned>(little ? std::countr_zero(word) : std::countl_zero(word)) / 8U;
}

/// The first CR or LF in [at, end); `end` when there is none.
inline const char* find_line_end(const char* at, const char* end) noexcept {
    // GCC's and Clang's own vector types need no header and become the machine's.
    using octets [[gnu::vector_size(16)]] = signed char;
    using words [[gnu::vector_size(16)]] = std::uint64_t;
    for (; end - at >= 16; at += 16) {
        octets here;
        std::memcpy(&here, at, sizeof here);
        const auto found = reinterpret_cast<words>((here == octets{} + '\r') | (here == octets{} + '\n'));
        if (found[0] != 0) {
            return at + index_of_octet(found[0]);
        }
        if (found[1] != 0) {
            return at + 8 + index_of_octet(found[1]);
        }
    }
    while (at != end && *at != '\r' && *at != '\n') {
        ++at;
    }
    return at;
}

} // namespace postrider
