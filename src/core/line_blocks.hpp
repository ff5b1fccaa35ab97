// find_due() in blocks: all neighbours of a block at once, by comparing it with the same octets one place
// earlier. Content that is canonical already, which most is, passes without a branch that depends on it.
#pragma once

#include "line_ends.hpp"

#include <cstdint>
#include <cstring>

namespace postrider {

constexpr bool is_due(char previous, char next, bool dots) noexcept {
    return (previous == '\r') != (next == '\n') || (dots && next == '.' && previous == '\n') || next == '\0';
}

/// Octet by octet: all of it where flash is scarce, and the rest that fills no block.
inline std::size_t find_due_by_octet(std::string_view s, std::size_t from, bool dots) noexcept {
    while (from < s.size() && !is_due(s[from - 1], s[from], dots)) {
        ++from;
    }
    return from;
}

// Which octet of a word is the first, counting from the lowest address, that is not zero.
inline unsigned first_octet(std::uint64_t word) noexcept {
    constexpr bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return static_cast<unsigned>(little ? __builtin_ctzll(word) : __builtin_clzll(word)) / 8U;
}

// Eight octets in a register of any 64-bit machine.
struct word_block {
    static constexpr std::size_t size = 8;
    std::uint64_t found = 0;

    // 0x80 in each octet of `word` that is c, exactly: no carry leaves an octet.
    static std::uint64_t equal(std::uint64_t word, char c) noexcept {
        constexpr std::uint64_t low = 0x7F7F7F7F7F7F7F7FU;
        const std::uint64_t other = word ^ (0x0101010101010101U * static_cast<unsigned char>(c));
        return ~(((other & low) + low) | other | low);
    }
    template <bool Dots>
    void look_at(const char* at) noexcept {
        std::uint64_t here = 0;
        std::uint64_t before = 0;
        std::memcpy(&here, at, size);
        std::memcpy(&before, at - 1, size);
        found |= (equal(before, '\r') ^ equal(here, '\n')) | equal(here, '\0');
        if constexpr (Dots) {
            found |= equal(here, '.') & equal(before, '\n');
        }
    }
    std::size_t first() const noexcept { return found == 0 ? size : first_octet(found); }
};

// A vector of the machine. GCC's and Clang's own vector types need no header and become SSE2, AVX2 or NEON.
using octets_16 [[gnu::vector_size(16)]] = unsigned char;
using octets_32 [[gnu::vector_size(32)]] = unsigned char;
using words_16 [[gnu::vector_size(16)]] = std::uint64_t;
using words_32 [[gnu::vector_size(32)]] = std::uint64_t;

template <class Octets, class Words>
struct vector_block {
    static constexpr std::size_t size = sizeof(Octets);
    Words found{};
    Octets least = Octets{} + 1; // of the octets, if that is 0: one step for a NUL, where comparing takes two

    template <bool Dots>
    [[gnu::always_inline]] void look_at(const char* at) noexcept {
        Octets here;
        Octets before;
        std::memcpy(&here, at, size);
        std::memcpy(&before, at - 1, size);
        found |= reinterpret_cast<Words>((before == Octets{} + '\r') ^ (here == Octets{} + '\n'));
        if constexpr (Dots) {
            found |= reinterpret_cast<Words>((here == Octets{} + '.') & (before == Octets{} + '\n'));
        }
        least = here < least ? here : least;
    }
    [[gnu::always_inline]] std::size_t first() const noexcept {
        const Words all = found | reinterpret_cast<Words>(least == Octets{});
        std::uint64_t any = all[0];
        for (std::size_t i = 1; i < size / 8; ++i) {
            any |= all[i];
        }
        for (std::size_t i = 0; any != 0 && i < size / 8; ++i) {
            if (all[i] != 0) {
                return 8 * i + first_octet(all[i]);
            }
        }
        return size;
    }
};

using block_16 = vector_block<octets_16, words_16>;
using block_32 = vector_block<octets_32, words_32>;

// Several blocks at once, as long as nothing is due in them.
template <class Block, bool Dots>
[[gnu::always_inline]] inline std::size_t skip_blocks(std::string_view s, std::size_t from) noexcept {
    constexpr std::size_t together = 4;
    for (; from + together * Block::size <= s.size(); from += together * Block::size) {
        Block any;
#pragma GCC unroll 4
        for (std::size_t i = 0; i < together; ++i) {
            any.template look_at<Dots>(s.data() + from + i * Block::size);
        }
        if (any.first() < Block::size) {
            break;
        }
    }
    return from;
}

template <class Block, bool Dots>
[[gnu::always_inline]] inline std::size_t find_due_in(std::string_view s, std::size_t from) noexcept {
    for (bool near = true; from + Block::size <= s.size(); near = false) {
        // What is due at short intervals is found soon; after that the stride is long.
        if (!near) {
            from = skip_blocks<Block, Dots>(s, from);
        }
        for (std::size_t i = 0; i < (near ? 1U : 4U) && from + Block::size <= s.size(); ++i) {
            Block block;
            block.template look_at<Dots>(s.data() + from);
            if (const std::size_t found = block.first(); found < Block::size) {
                return from + found;
            }
            from += Block::size;
        }
    }
    return find_due_by_octet(s, from, Dots);
}

template <class Block>
[[gnu::always_inline]] inline std::size_t find_due_by(std::string_view s, std::size_t from,
                                                      bool dots) noexcept {
    return dots ? find_due_in<Block, true>(s, from) : find_due_in<Block, false>(s, from);
}

} // namespace postrider
