// The reply reader against a second parser that was written from the grammar alone, over every short string
// of an alphabet that holds each kind of octet; and its limits.
#include "postrider/reply.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace {

using namespace postrider;

struct parsed {
    int code = 0;
    std::string text;
    std::size_t size = 0; // octets used
    bool operator==(const parsed&) const = default;
};

enum class verdict { whole, unfinished, wrong };

// RFC 5321 4.2: reply-line = *( code "-" [text] CRLF ) code [ SP text ] CRLF; a bare LF ends a line, too. It
// looks at the whole string at once and knows nothing of states.
verdict parse(const std::string& s, parsed& out) {
    std::size_t at = 0;
    int first = 0;
    bool joined = false;
    out = {};
    for (;;) {
        const std::size_t lf = s.find('\n', at);
        const std::string line = s.substr(at, lf == std::string::npos ? lf : lf - at);
        const std::string_view digits[] = {"2345", "012345", "0123456789"};
        for (std::size_t i = 0; i < 3 && i < line.size(); ++i) {
            if (digits[i].find(line[i]) == std::string_view::npos) {
                return verdict::wrong;
            }
        }
        if (line.size() > 3 && std::string_view{" -\r"}.find(line[3]) == std::string_view::npos) {
            return verdict::wrong;
        }
        if (line.find('\0') != std::string::npos || (line.size() > 4 && line[3] == '\r')) {
            return verdict::wrong;
        }
        if (lf == std::string::npos) {
            return verdict::unfinished;
        }
        if (line.size() < 3) {
            return verdict::wrong;
        }
        const int code = std::stoi(line.substr(0, 3));
        if (at > 0 && code != first) {
            return verdict::wrong;
        }
        first = code;
        std::string text = line.size() > 4 ? line.substr(4) : "";
        if (!text.empty() && text.back() == '\r') {
            text.pop_back();
        }
        out.text += (joined && !text.empty() ? "\n" : "") + text;
        joined = joined || !out.text.empty();
        at = lf + 1;
        if (line.size() <= 3 || line[3] != '-') {
            out.code = code;
            out.size = at;
            return verdict::whole;
        }
    }
}

verdict read(const std::string& s, std::size_t cut, parsed& out) {
    char space[64];
    reply_reader r{space};
    out = {};
    std::string_view rest = s;
    while (!rest.empty()) {
        std::string_view piece = rest.substr(0, cut);
        rest.remove_prefix(piece.size());
        while (!piece.empty()) {
            const std::size_t before = piece.size();
            const auto e = r.feed(piece);
            out.size += before - piece.size();
            if (e == reply_reader::event::failed) {
                EXPECT_NE(r.error(), errc::ok);
                return verdict::wrong;
            }
            if (e == reply_reader::event::complete) {
                out.code = r.code();
                out.text = r.text();
                return verdict::whole;
            }
        }
    }
    return verdict::unfinished;
}

void compare(const std::string& s) {
    parsed expected;
    const verdict v = parse(s, expected);
    for (const std::size_t cut : {s.size(), std::size_t{1}}) {
        parsed found;
        const verdict w = read(s, cut, found);
        ASSERT_EQ(static_cast<int>(v), static_cast<int>(w)) << testing::PrintToString(s);
        if (v == verdict::whole) {
            ASSERT_EQ(expected.code, found.code) << testing::PrintToString(s);
            ASSERT_EQ(expected.text, found.text) << testing::PrintToString(s);
            ASSERT_EQ(expected.size, found.size) << testing::PrintToString(s);
        }
    }
}

// Every string up to `length` over the alphabet; one that is wrong or whole is not made longer.
void sweep(std::string& s, std::size_t length, std::string_view alphabet, std::size_t& count) {
    compare(s);
    ++count;
    parsed ignored;
    if (testing::Test::HasFatalFailure() || s.size() == length || parse(s, ignored) != verdict::unfinished) {
        return;
    }
    for (const char c : alphabet) {
        s.push_back(c);
        sweep(s, length, alphabet, count);
        s.pop_back();
    }
}

TEST(reply_reader, agrees_with_a_second_parser_on_every_short_string) {
    std::size_t count = 0;
    std::string s;
    sweep(s, 8, std::string_view{"0256-\r\n a\0", 10}, count);
    EXPECT_GT(count, 10'000U);
    // Two lines: the first one given, so that the second is reached.
    for (const std::string first : {"250-\r\n", "250-a\r\n", "250-a\n"}) {
        s = first;
        sweep(s, first.size() + 6, std::string_view{"025-\r\n a", 8}, count);
    }
}

TEST(reply_reader, agrees_on_every_first_line_of_three_octets) {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            compare({static_cast<char>(a), static_cast<char>(b), '0', ' ', 'x', '\r', '\n'});
            compare({'2', static_cast<char>(a), static_cast<char>(b), '\r', '\n'});
            compare({'2', '5', '0', static_cast<char>(a), static_cast<char>(b), '\r', '\n'});
        }
    }
}

TEST(reply_reader, names_what_is_wrong) {
    const auto error_of = [](std::string_view s) {
        char space[64];
        reply_reader r{space};
        while (!s.empty() && r.feed(s) != reply_reader::event::failed) {
        }
        return r.error();
    };
    EXPECT_EQ(error_of("250-a\r\n251 b\r\n"), errc::mixed_codes);
    EXPECT_EQ(error_of("hello\r\n"), errc::malformed_reply);
    EXPECT_EQ(error_of("250 " + std::string(3000, 'x')), errc::reply_line_too_long);
    std::string endless;
    while (endless.size() < 70'000) {
        endless += "250-x\r\n";
    }
    EXPECT_EQ(error_of(endless), errc::reply_too_long);
}

TEST(reply_reader, takes_lines_up_to_its_limit_and_no_longer) {
    for (const std::size_t size : {reply_reader::max_line, reply_reader::max_line + 1}) {
        char space[64];
        reply_reader r{space};
        const std::string line = "250 " + std::string(size - 6, 'x') + "\r\n";
        std::string_view rest = line;
        const auto e = r.feed(rest);
        EXPECT_EQ(e == reply_reader::event::complete, size == reply_reader::max_line);
        EXPECT_EQ(r.truncated(), true);
    }
}

TEST(reply_reader, takes_replies_up_to_its_limit_and_no_longer) {
    for (const std::size_t size : {reply_reader::max_reply, reply_reader::max_reply + 1}) {
        std::string all;
        while (all.size() + 32 < size) {
            all += "250-0123456789\r\n";
        }
        all += "250 " + std::string(size - all.size() - 6, 'x') + "\r\n";
        ASSERT_EQ(all.size(), size);
        char space[64];
        reply_reader r{space};
        std::string_view rest = all;
        reply_reader::event e{};
        do {
            e = r.feed(rest);
        } while (e == reply_reader::event::line);
        EXPECT_EQ(e == reply_reader::event::complete, size == reply_reader::max_reply);
    }
}

TEST(reply_reader, keeps_text_up_to_the_space_it_was_lent) {
    for (std::size_t space_size = 0; space_size <= 12; ++space_size) {
        std::vector<char> space(space_size + 1, '#');
        reply_reader r{std::span<char>{space.data(), space_size}};
        std::string_view rest = "250-abcd\r\n250-\r\n250-ef\r\n250 gh\r\n";
        while (r.feed(rest) != reply_reader::event::complete) {
        }
        const std::string whole = "abcd\nef\ngh";
        EXPECT_EQ(r.truncated(), space_size < whole.size());
        EXPECT_TRUE(whole.starts_with(r.text())) << r.text();
        EXPECT_LE(r.text().size(), space_size);
        EXPECT_EQ(space[space_size], '#');
    }
}

TEST(reply_reader, begins_afresh_after_each_reply_and_after_reset) {
    char space[64];
    reply_reader r{space};
    EXPECT_TRUE(r.at_start());
    std::string_view rest = "250-one\r\n25";
    EXPECT_EQ(r.feed(rest), reply_reader::event::line);
    EXPECT_EQ(r.line(), "one");
    EXPECT_FALSE(r.at_start());
    r.drop_text();
    EXPECT_EQ(r.text(), "");
    r.feed(rest);
    r.reset();
    EXPECT_TRUE(r.at_start());
    rest = "421 bye\r\n550 x\r\n";
    EXPECT_EQ(r.feed(rest), reply_reader::event::complete);
    EXPECT_EQ(r.code(), 421);
    EXPECT_EQ(r.text(), "bye");
    EXPECT_EQ(r.feed(rest), reply_reader::event::complete);
    EXPECT_EQ(r.text(), "x");
}

TEST(reply_reader, takes_nothing_more_after_a_failure) {
    char space[8];
    reply_reader r{space};
    std::string_view rest = "x250 ok\r\n";
    EXPECT_EQ(r.feed(rest), reply_reader::event::failed);
    EXPECT_EQ(rest.size(), 8U);
    EXPECT_EQ(r.feed(rest), reply_reader::event::failed);
    EXPECT_EQ(rest.size(), 8U);
}

TEST(reply_reader, can_be_lent_more_space_than_it_can_count) {
    std::vector<char> space(100'000);
    reply_reader r{space};
    std::string all;
    for (int i = 0; i < 60; ++i) {
        all += "250-" + std::string(1000, 'x') + "\r\n";
    }
    all += "250 end\r\n";
    std::string_view rest = all;
    while (r.feed(rest) != reply_reader::event::complete) {
    }
    EXPECT_EQ(r.text().size(), 60U * 1001U + 3U);
}

TEST(enhanced_status, is_three_numbers_of_the_replys_class) {
    const auto text = [](std::string_view s, unsigned digit) {
        const enhanced_status e = parse_enhanced_status(s, digit);
        return std::to_string(e.class_digit) + '.' + std::to_string(e.subject) + '.' +
               std::to_string(e.detail);
    };
    EXPECT_EQ(text("5.1.1 who?", 5), "5.1.1");
    EXPECT_EQ(text("2.999.999", 2), "2.999.999");
    EXPECT_EQ(text("4.0.0\nmore", 4), "4.0.0");
    for (const std::string_view wrong :
         {"5.1.1", "", "4", "4.", "4.1", "4.1.", "4.1.1x", "4.1.1111", "4.1111.1", "4444.1.1", ".1.1", "4..1",
          "4.1.1.1", "4 1 1", "-4.1.1", " 4.1.1", "4.1.1\t"}) {
        EXPECT_FALSE(parse_enhanced_status(wrong, 4)) << wrong;
    }
}

} // namespace
