// Content in canonical form, whatever the octets and however they were cut: every string over {CR, LF, '.',
// 'a', NUL} up to a length, in every cutting, against a second encoder that works on the whole string at
// once.
#include "postrider/content_encoder.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace postrider;
using framing = content_encoder::framing;

// CRLF, bare CR and bare LF end a line; what is left at the end is a line, too.
std::vector<std::string> lines_of(const std::string& s) {
    std::vector<std::string> lines;
    std::string line;
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] == '\r' || s[i] == '\n') {
            i += s[i] == '\r' && i + 1 < s.size() && s[i + 1] == '\n' ? 1 : 0;
            lines.push_back(line);
            line.clear();
        } else {
            line += s[i];
        }
    }
    if (!line.empty()) {
        lines.push_back(line);
    }
    return lines;
}

std::string canonical(const std::string& s) {
    std::string out;
    for (const std::string& line : lines_of(s)) {
        out += line + "\r\n";
    }
    return out;
}

// What a receiver makes of the octets of DATA (RFC 5321 4.5.2); it stops at the first thing that looks like
// an end.
std::string unstuffed(const std::string& wire, bool& ended_early) {
    std::string out;
    std::size_t at = 0;
    ended_early = false;
    while (at < wire.size()) {
        const std::size_t end = wire.find("\r\n", at);
        if (end == std::string::npos) {
            ended_early = true; // an unfinished line
            break;
        }
        const std::string line = wire.substr(at, end - at);
        if (line == ".") {
            ended_early = true;
            break;
        }
        out += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
        at = end + 2;
    }
    return out;
}

struct encoded {
    std::string octets;
    errc error = errc::ok;
    bool measured_right = true;
};

// `cuts` has bit i set when a chunk ends after octet i; behind the 32nd there is none.
bool cut_behind(unsigned cuts, std::size_t i) {
    return i < 32 && (cuts >> i & 1U) != 0;
}

encoded encode(const std::string& s, unsigned cuts, framing f) {
    encoded e;
    content_encoder encoder{f};
    std::size_t at = 0;
    for (std::size_t i = 0; i <= s.size(); ++i) {
        const bool last = i == s.size();
        if (!last && !cut_behind(cuts, i)) {
            continue;
        }
        const std::size_t end = last ? s.size() : i + 1;
        if (last && at == s.size() && at > 0 && !cut_behind(cuts, s.size() - 1)) {
            continue;
        }
        encoder.lend(std::string_view{s}.substr(at, end - at), last);
        at = end;
        const result<std::size_t> measured = encoder.measure();
        std::size_t given = 0;
        for (std::string_view slice = encoder.next(); !slice.empty(); slice = encoder.next()) {
            e.octets += slice;
            given += slice.size();
        }
        e.error = encoder.error();
        e.measured_right =
            e.measured_right && measured.error() == e.error && (e.error != errc::ok || *measured == given);
        if (e.error != errc::ok) {
            break;
        }
    }
    return e;
}

// Empty when all is well; what is wrong otherwise.
std::string_view fault(const std::string& s, unsigned cuts) {
    const bool nul = s.find('\0') != std::string::npos;
    for (const framing f : {framing::dots, framing::counted}) {
        const encoded e = encode(s, cuts, f);
        if (!e.measured_right) {
            return "measured another size than was given";
        }
        if (nul) {
            if (e.error != errc::content_has_nul || e.octets.find('\0') != std::string::npos) {
                return "took a NUL";
            }
            continue;
        }
        bool ended_early = false;
        const std::string received = f == framing::dots ? unstuffed(e.octets, ended_early) : e.octets;
        if (ended_early || received != canonical(s)) {
            return f == framing::dots ? "DATA gives something else" : "BDAT gives something else";
        }
    }
    const encoded binary = encode(s, cuts, framing::binary);
    return binary.octets == s && binary.measured_right ? "" : "BINARYMIME was touched";
}

void check(const std::string& s, unsigned cuts) {
    if (const std::string_view wrong = fault(s, cuts); !wrong.empty()) {
        FAIL() << wrong << ": " << testing::PrintToString(s) << " cut " << cuts;
    }
}

// Calls f with every string of exactly `size` octets.
template <class F>
void every_string(std::size_t size, F f) {
    constexpr std::string_view alphabet{"\r\n.a\0", 5};
    std::string s(size, alphabet[0]);
    std::vector<std::size_t> digits(size, 0);
    for (;;) {
        f(s);
        std::size_t i = 0;
        while (i < size && ++digits[i] == alphabet.size()) {
            digits[i] = 0;
            s[i] = alphabet[0];
            ++i;
        }
        if (i == size || testing::Test::HasFatalFailure()) {
            return;
        }
        s[i] = alphabet[digits[i]];
    }
}

TEST(content_encoder, gives_back_the_canonical_form_for_every_string_in_every_cutting) {
    check("", 0);
    for (std::size_t size = 1; size <= 6; ++size) {
        every_string(size, [size](const std::string& s) {
            if (size > 4 && s.find('\0') < size - 1) {
                return; // what is behind a NUL is not looked at
            }
            for (unsigned cuts = 0; cuts < 1U << size; ++cuts) {
                check(s, cuts);
            }
        });
    }
}

TEST(content_encoder, gives_back_the_canonical_form_for_longer_strings) {
    // Whole, octet by octet, and in two pieces.
    for (std::size_t size = 7; size <= 8; ++size) {
        every_string(size, [size](const std::string& s) {
            if (s.find('\0') != std::string::npos) {
                return;
            }
            check(s, 0);
            check(s, (1U << size) - 1);
            for (std::size_t i = 0; size == 7 && i + 1 < size; ++i) {
                check(s, 1U << i);
            }
        });
    }
}

// What other software was seen to take for the end of the content, or for the end of a line.
TEST(content_encoder, puts_nothing_on_the_wire_that_looks_like_an_end) {
    const std::vector<std::string> ends{"\n", "\r", "\r\n", "\r\r\n", "\n\r", "\r\r", "\n\n", "\r\n\r"};
    std::size_t count = 0;
    for (const std::string& before : ends) {
        for (const std::string& after : ends) {
            for (const std::string dot : {".", "..", ". "}) {
                const std::string s = "Hello" + before + dot + after + "MAIL FROM:<eve@example.com>" + after;
                for (const framing f : {framing::dots, framing::counted}) {
                    const std::string wire = encode(s, 0, f).octets;
                    ++count;
                    for (std::size_t i = 0; i < wire.size(); ++i) {
                        ASSERT_TRUE(wire[i] != '\n' || (i > 0 && wire[i - 1] == '\r'))
                            << testing::PrintToString(wire);
                        ASSERT_TRUE(wire[i] != '\r' || (i + 1 < wire.size() && wire[i + 1] == '\n'))
                            << testing::PrintToString(wire);
                    }
                    if (f == framing::dots) {
                        ASSERT_EQ(wire.find("\r\n.\r\n"), std::string::npos) << testing::PrintToString(wire);
                    }
                }
            }
        }
    }
    EXPECT_EQ(count, 8U * 8U * 3U * 2U);
}

TEST(content_encoder, refers_to_the_callers_octets) {
    const std::string s(100'000, 'x');
    content_encoder e;
    e.lend(s, true);
    EXPECT_EQ(e.next().data(), s.data());
    EXPECT_EQ(e.next(), "\r\n");
    EXPECT_EQ(e.next(), "");
    EXPECT_EQ(e.next(), "");
}

TEST(content_encoder, gives_every_octet_but_three_as_it_is) {
    for (int c = 1; c < 256; ++c) {
        const char octet = static_cast<char>(c);
        if (octet != '\r' && octet != '\n') {
            const std::string s{'a', octet, 'b', '\r', '\n'};
            EXPECT_EQ(encode(s, 0, framing::dots).octets, s);
        }
    }
}

} // namespace
