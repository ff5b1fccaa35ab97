// Looking at blocks must find what looking at octets finds, in every kind of block, wherever it stands.
#include "line_blocks.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace postrider {
namespace {

#if defined(__x86_64__)
[[gnu::target("avx2")]] std::size_t find_in_32(std::string_view s, std::size_t from, bool dots) {
    return find_due_by<block_32>(s, from, dots);
}
bool has_32() {
    return __builtin_cpu_supports("avx2");
}
#else
std::size_t find_in_32(std::string_view s, std::size_t from, bool dots) {
    return find_due_by<block_32>(s, from, dots);
}
bool has_32() {
    return true;
}
#endif

// What is due, said once more and in other words than in the code under test.
bool expected_at(char previous, char next, bool dots) {
    if (next == '\0') {
        return true;
    }
    if (next == '\n') {
        return previous != '\r';
    }
    return previous == '\r' || (dots && next == '.' && previous == '\n');
}

void expect_same_from(const std::string& s, std::size_t from, bool dots) {
    std::size_t expected = from;
    while (expected < s.size() && !expected_at(s[expected - 1], s[expected], dots)) {
        ++expected;
    }
    ASSERT_EQ(find_due(s, from, dots), expected);
    ASSERT_EQ(find_due_by_octet(s, from, dots), expected);
    ASSERT_EQ(find_due_by<word_block>(s, from, dots), expected);
    ASSERT_EQ(find_due_by<block_16>(s, from, dots), expected);
    ASSERT_TRUE(!has_32() || find_in_32(s, from, dots) == expected);
}

void expect_same(const std::string& s, bool dots) {
    for (std::size_t from = 1; from <= s.size(); ++from) {
        expect_same_from(s, from, dots);
    }
}

// Each pair of octets that can matter, at every place of a canonical text longer than two blocks.
TEST(line_ends, a_fault_is_found_wherever_it_stands) {
    constexpr std::string_view octets{"\r\n.\0a\x8d\x0b\xff", 8};
    for (std::size_t at = 0; at < 80; ++at) {
        for (const char first : octets) {
            for (const char second : octets) {
                std::string s(82, 'x');
                s[at] = first;
                s[at + 1] = second;
                expect_same(s, true);
                expect_same(s, false);
            }
        }
    }
}

// Where nothing is due for long, blocks are looked at several at once.
TEST(line_ends, a_fault_is_found_behind_a_long_stretch) {
    constexpr std::string_view octets{"\r\n.\0a\x8d\x0b\xff", 8};
    std::string text;
    while (text.size() < 1000) {
        text.append("0123456789012345678901234567890123456789\r\n");
    }
    for (std::size_t at = 250; at < 850; ++at) {
        for (const char first : octets) {
            for (const char second : octets) {
                std::string s = text;
                s[at] = first;
                s[at + 1] = second;
                expect_same_from(s, 1, at % 2 == 0);
            }
        }
    }
}

TEST(line_ends, chance_finds_no_difference) {
    std::mt19937 random(20240229);
    constexpr std::string_view octets{"\r\n\r\n\r\n..ab\0\x8a\x2f", 13};
    for (int round = 0; round < 300; ++round) {
        std::string s;
        const std::size_t size = random() % 200;
        while (s.size() < size) {
            // mostly whole lines, as contents are
            if (random() % 4 != 0) {
                s.append(random() % 40, 'x').append("\r\n");
            } else {
                s += octets[random() % octets.size()];
            }
        }
        expect_same(s, round % 2 == 0);
    }
}

} // namespace
} // namespace postrider
