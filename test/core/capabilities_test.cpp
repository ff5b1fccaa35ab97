#include "postrider/capabilities.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace postrider;

TEST(capabilities, knows_each_keyword_in_any_case) {
    const std::pair<const char*, keyword> known[] = {
        {"PIPELINING", keyword::pipelining},
        {"SIZE 1000", keyword::size},
        {"8BITMIME", keyword::eight_bit_mime},
        {"SMTPUTF8", keyword::smtputf8},
        {"ENHANCEDSTATUSCODES", keyword::enhanced_status_codes},
        {"DSN", keyword::dsn},
        {"CHUNKING", keyword::chunking},
        {"BINARYMIME", keyword::binary_mime},
        {"STARTTLS", keyword::starttls},
        {"AUTH PLAIN", keyword::auth},
        {"AUTH=PLAIN", keyword::auth},
        {"VRFY", keyword::vrfy},
        {"EXPN", keyword::expn},
        {"HELP", keyword::help},
        {"ETRN", keyword::etrn},
        {"MT-PRIORITY STANAG4406", keyword::mt_priority},
    };
    for (const auto& [line, bit] : known) {
        for (std::string text : {std::string{line}, "  " + std::string{line}}) {
            capabilities c;
            EXPECT_FALSE(c.has(bit));
            EXPECT_EQ(c.learn(text), bit) << text;
            EXPECT_TRUE(c.has(bit));
            for (char& ch : text) {
                ch = static_cast<char>(ch >= 'A' && ch <= 'Z' ? ch | 0x20 : ch);
            }
            EXPECT_EQ(c.learn(text), bit) << text;
        }
    }
}

TEST(capabilities, passes_over_what_it_does_not_know) {
    for (const std::string_view line :
         {"", " ", "X", "PIPELININGS", "PIPELINE", "SIZ", "STARTTLSX", "-SIZE", "A", "=", "=AUTH",
          "AUTH\tPLAIN", "\xC3\xA9", "8BITMIM\xC5", "XCLIENT NAME", "LIMITS RCPTMAX=10"}) {
        capabilities c;
        EXPECT_EQ(c.learn(line), keyword::none) << line;
        for (unsigned bit = 0; bit < 15; ++bit) {
            EXPECT_FALSE(c.has(static_cast<keyword>(1U << bit)));
        }
    }
}

TEST(capabilities, reads_the_size_limit_without_overflow) {
    const std::pair<const char*, std::uint64_t> sizes[] = {
        {"SIZE", 0},
        {"SIZE 0", 0},
        {"SIZE 1", 1},
        {"SIZE=77", 77},
        {"SIZE  35882577", 35882577},
        {"SIZE 000123", 123},
        {"SIZE 18446744073709551609", 18446744073709551609U},
        {"SIZE 18446744073709551616", 0},
        {"SIZE 99999999999999999999999999999999999", 0},
        {"SIZE -1", 0},
        {"SIZE +1", 0},
        {"SIZE 1e6", 0},
        {"SIZE 0x10", 0},
        {"SIZE 10,000", 0},
        {"SIZE 10 20", 10},
    };
    for (const auto& [line, limit] : sizes) {
        capabilities c;
        EXPECT_EQ(c.learn(line), keyword::size);
        EXPECT_EQ(c.size_limit(), limit) << line;
    }
    capabilities c;
    c.learn("SIZE 1000");
    c.learn("SIZE 20");
    EXPECT_EQ(c.size_limit(), 20U) << "the last one holds";
}

TEST(capabilities, keeps_the_mechanisms_that_were_matched) {
    capabilities c;
    EXPECT_EQ(c.mechanisms(), 0);
    c.add_mechanism(0);
    c.add_mechanism(7);
    EXPECT_EQ(c.mechanisms(), 0x81);
    c.drop_mechanisms();
    EXPECT_EQ(c.mechanisms(), 0);
}

TEST(capabilities, takes_words_off_a_line) {
    std::string_view line = "  AUTH=A  B=C D";
    EXPECT_EQ(next_word(line, true), "AUTH");
    EXPECT_EQ(next_word(line), "A");
    EXPECT_EQ(next_word(line), "B=C");
    EXPECT_EQ(next_word(line), "D");
    EXPECT_EQ(next_word(line), "");
    EXPECT_EQ(next_word(line, true), "");
}

TEST(capabilities, compares_without_a_locale) {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            const char x = static_cast<char>(a);
            const char y = static_cast<char>(b);
            const auto is_upper = [](int c) { return c >= 'A' && c <= 'Z'; };
            const bool same = a == b || (is_upper(a) && b == a + 32) || (is_upper(b) && a == b + 32);
            EXPECT_EQ(equal_ignoring_case({&x, 1}, {&y, 1}), same);
        }
    }
    EXPECT_FALSE(equal_ignoring_case("a", "ab"));
    EXPECT_TRUE(equal_ignoring_case("", ""));
}

} // namespace
