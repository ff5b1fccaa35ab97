// Mailboxes: lists of right and wrong ones, address literals against the system's own parser, limits, and a
// second parser that reads them back from the RCPT line.
#include "postrider/path.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace postrider;
using namespace std::string_literals;

// Reads `<local@domain>` back as a server would: quotes first, then the at sign, then the bracket. Returns
// the local part without its quoting, and the domain; nothing when the line does not end right there.
struct parts {
    std::string local;
    std::string domain;
};

std::optional<parts> read_back(const std::string& line) {
    parts p;
    std::size_t i = 0;
    if (line.empty() || line[i++] != '<') {
        return {};
    }
    bool quoted = false;
    for (; i < line.size() && (quoted || line[i] != '@'); ++i) {
        if (line[i] == '"') {
            quoted = !quoted;
        } else if (quoted && line[i] == '\\') {
            p.local += line[++i];
        } else if (!quoted && (line[i] == '>' || line[i] == ' ')) {
            return {};
        } else {
            p.local += line[i];
        }
    }
    if (i++ >= line.size()) {
        return {};
    }
    for (; i < line.size() && line[i] != '>'; ++i) {
        p.domain += line[i];
    }
    return i + 1 == line.size() ? std::optional{p} : std::nullopt;
}

struct good {
    std::string text;
    std::string local; // without quoting
    std::string domain;
};

const std::vector<good>& good_mailboxes() {
    static const std::vector<good> all{
        {"a@b", "a", "b"},
        {"alice@example.org", "alice", "example.org"},
        {"first.last@example.org", "first.last", "example.org"},
        {"a.b.c.d@e.f.g.h", "a.b.c.d", "e.f.g.h"},
        {"!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~", "example.org"},
        {"user+tag@example.org", "user+tag", "example.org"},
        {"123@123.example", "123", "123.example"},
        {"a@xn--bcher-kva.example", "a", "xn--bcher-kva.example"},
        {"a@a-b.c--d.example", "a", "a-b.c--d.example"},
        {"-a@example.org", "-a", "example.org"},
        {"\"\"@example.org", "", "example.org"},
        {"\" \"@example.org", " ", "example.org"},
        {"\"a@b\"@example.org", "a@b", "example.org"},
        {"\"a\\\"b\"@example.org", "a\"b", "example.org"},
        {"\"a\\\\b\"@example.org", "a\\b", "example.org"},
        {"\"a\\b\"@example.org", "ab", "example.org"},
        {"\"..\"@example.org", "..", "example.org"},
        {"\"<>()[],;:\"@example.org", "<>()[],;:", "example.org"},
        {"\"foo@psres.net> ORCPT=admin@admin.com\"@test.com", "foo@psres.net> ORCPT=admin@admin.com",
         "test.com"},
        {"a@[192.0.2.1]", "a", "[192.0.2.1]"},
        {"a@[255.255.255.255]", "a", "[255.255.255.255]"},
        {"a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]"},
        {"a@[ipv6:::]", "a", "[ipv6:::]"},
        {"a@[IPv6:::ffff:192.0.2.1]", "a", "[IPv6:::ffff:192.0.2.1]"},
    };
    return all;
}

TEST(mailbox, takes_what_rfc_5321_allows_and_gives_it_back) {
    for (const good& g : good_mailboxes()) {
        const result<mailbox> m = mailbox::parse(g.text);
        ASSERT_TRUE(m) << g.text << ": " << name(m.error());
        EXPECT_EQ(m->text(), g.text);
        EXPECT_EQ(std::string{m->local_part()} + "@" + std::string{m->domain()}, g.text);
        EXPECT_EQ(m->domain(), g.domain);
        EXPECT_FALSE(m->is_utf8());
        EXPECT_FALSE(m->empty());
        const std::optional<parts> back = read_back("<" + std::string{m->text()} + ">");
        ASSERT_TRUE(back) << g.text;
        EXPECT_EQ(back->local, g.local);
        EXPECT_EQ(back->domain, g.domain);
    }
}

TEST(mailbox, refuses_what_is_none) {
    for (const std::string& wrong : {
             ""s,
             "a"s,
             "@"s,
             "a@"s,
             "@b"s,
             "a@b@c"s,
             ".a@b"s,
             "a.@b"s,
             "a..b@c"s,
             "."s,
             ".@b"s,
             "a b@c"s,
             " a@b"s,
             "a@b "s,
             "a@ b"s,
             "a @b"s,
             "<a@b>"s,
             "a@b>"s,
             "a<b@c"s,
             "a(comment)@b"s,
             "(c)a@b"s,
             "a@(c)b"s,
             "a,b@c"s,
             "a;b@c"s,
             "a:b@c"s,
             "a[b@c"s,
             "a\\b@c"s,
             "a\"b@c"s,
             "a\"b\"@c"s,
             "\"a\"b@c"s,
             "\"a\".b@c"s,
             "\"a@b"s,
             "\"a\\\"@b"s,
             "\"a\""s,
             "\"a\"@"s,
             "\""s,
             "\"\\"s,
             "\"a\"x"s,
             "\"a\x01\"@b"s,
             "\"a\\\x01\"@b"s,
             "\"a\rb\"@c"s,
             "\"a\nb\"@c"s,
             "\"a\0b\"@c"s,
             "\"a\x7F\"@b"s,
             "a@-b"s,
             "a@b-"s,
             "a@b-.c"s,
             "a@.b"s,
             "a@b."s,
             "a@b..c"s,
             "a@b_c"s,
             "a@b/c"s,
             "a@b,c"s,
             "a@b:25"s,
             "a@[]"s,
             "a@["s,
             "a@]"s,
             "a@[1.2.3.4"s,
             "a@1.2.3.4]"s,
             "a@[1.2.3.4]x"s,
             "a@[1.2.3]"s,
             "a@[1.2.3.256]"s,
             "a@[1.2.3.4.5]"s,
             "a@[.2.3.4]"s,
             "a@[1..3.4]"s,
             "a@[1234.2.3.4]"s,
             "a@[1.2.3.a]"s,
             "a@[1.2.3.]"s,
             "a@[ 1.2.3.4]"s,
             "a@[2001:db8::1]"s,
             "a@[x400:some-thing]"s,
             "a@[t:>]"s,
             "a@[IPv6:]"s,
             "a@[IPv6]"s,
             "a@[tag:]"s,
             "a@[:x]"s,
             "a@[tag-:x]"s,
             "a@[t:a b]"s,
             "a@[t:a[b]"s,
             "a@[t:a\\b]"s,
             "a@[t:a]b]"s,
             "a@[t:\xC3\xA9]"s,
             "a@[t\x01:a]"s,
             "a@[t:\x7F]"s,
             "a@[a]"s,
             "a\r\n@b"s,
             "a@b\r\n"s,
             "a@b\n"s,
             "a\0@b"s,
             "a@b\0"s,
             "a\t@b"s,
         }) {
        const result<mailbox> m = mailbox::parse(wrong);
        EXPECT_FALSE(m) << testing::PrintToString(wrong);
        EXPECT_EQ(m.error(), errc::bad_address) << testing::PrintToString(wrong);
    }
}

TEST(mailbox, keeps_the_limits_of_rfc_5321) {
    const auto of = [](std::size_t local, std::size_t domain) {
        std::string d;
        while (d.size() + 2 < domain) {
            d += std::string(std::min<std::size_t>(63, domain - d.size() - 2), 'd') + ".";
        }
        d += std::string(domain - d.size(), 'e');
        return mailbox::parse(std::string(local, 'l') + "@" + d).error();
    };
    EXPECT_EQ(of(64, 189), errc::ok);
    EXPECT_EQ(of(64, 190), errc::address_too_long) << "255 octets, and 257 with the brackets";
    EXPECT_EQ(of(65, 10), errc::address_too_long);
    EXPECT_EQ(of(1, 252), errc::ok);
    EXPECT_EQ(mailbox::parse("\"" + std::string(62, 'a') + "\"@b").error(), errc::ok);
    EXPECT_EQ(mailbox::parse("\"" + std::string(63, 'a') + "\"@b").error(), errc::address_too_long);
    EXPECT_EQ(mailbox::parse("a@" + std::string(63, 'a')).error(), errc::ok);
    EXPECT_EQ(mailbox::parse("a@" + std::string(64, 'a')).error(), errc::bad_address);
    EXPECT_EQ(mailbox::parse(std::string(100'000, 'a')).error(), errc::address_too_long);
    EXPECT_FALSE(is_domain_or_literal(std::string(200, 'a') + "." + std::string(100, 'b')));
    EXPECT_FALSE(is_domain_or_literal("[x:" + std::string(300, 'a') + "]"));
}

// Every literal up to a length over the characters that matter, against inet_pton. It knows no leading zeros
// in IPv4, which RFC 5321 allows; the alphabet has none.
TEST(mailbox, agrees_with_the_system_about_ipv6_literals) {
    const std::vector<std::string> pieces{":", "::",      "1",     "ffff",     "12345",
                                          "g", "1.2.3.4", "1.2.3", "256.1.1.1"};
    std::vector<std::string> texts{""};
    std::size_t right = 0;
    std::size_t wrong = 0;
    for (int round = 0; round < 6; ++round) {
        std::vector<std::string> longer;
        for (const std::string& t : texts) {
            for (const std::string& p : pieces) {
                longer.push_back(t + p);
            }
        }
        texts = longer;
        if (round > 3) { // no more than some ten thousand of the long ones
            std::vector<std::string> fewer;
            for (std::size_t i = 0; i < texts.size(); i += 1 + texts.size() / 20'000) {
                fewer.push_back(texts[i]);
            }
            texts = fewer;
        }
        for (const std::string& t : texts) {
            in6_addr ignored;
            const bool expected = inet_pton(AF_INET6, t.c_str(), &ignored) == 1;
            (expected ? right : wrong) += 1;
            ASSERT_EQ(is_domain_or_literal("[IPv6:" + t + "]"), expected) << t;
        }
    }
    EXPECT_GT(right, 50U);
    EXPECT_GT(wrong, 1000U);
    for (const char* t : {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4",
                          "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "1:2:3:4::5:6:7:8", "::1:2:3:4:5:6:7:8",
                          "1::2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:1.2.3.4",
                          "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "1::2::3", ":::", "abcd:ABCD::", "::1.2.3.4"}) {
        in6_addr ignored;
        EXPECT_EQ(is_domain_or_literal("[IPv6:"s + t + "]"), inet_pton(AF_INET6, t, &ignored) == 1) << t;
    }
}

TEST(mailbox, agrees_with_the_system_about_ipv4_literals) {
    for (int a = 0; a < 1200; ++a) {
        for (const std::string& text : {std::to_string(a) + ".0.2.1", "192.0.2." + std::to_string(a)}) {
            in_addr ignored;
            EXPECT_EQ(is_domain_or_literal("[" + text + "]"), inet_pton(AF_INET, text.c_str(), &ignored) == 1)
                << text;
        }
    }
    EXPECT_TRUE(is_domain_or_literal("[001.002.003.004]")) << "RFC 5321 4.1.3: one to three digits";
}

TEST(mailbox, takes_utf8_in_both_parts) {
    if (!feature::smtputf8) {
        EXPECT_EQ(mailbox::parse("j\xC3\xB6rg@example.org").error(), errc::bad_address);
        return;
    }
    for (const std::string& right :
         {"j\xC3\xB6rg@example.org"s,
          "a@b\xC3\xBC"
          "cher.example"s,
          "\"j\xC3\xB6 rg\"@b"s, "\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B.\xE4\xBE\x8B"s, "\xF0\x9F\x98\x80@b"s,
          "\xF4\x8F\xBF\xBF@b"s, "\xED\x9F\xBF@b"s, "\xEE\x80\x80@b"s}) {
        const result<mailbox> m = mailbox::parse(right);
        ASSERT_TRUE(m) << right;
        EXPECT_TRUE(m->is_utf8());
        EXPECT_EQ(m->text(), right);
    }
    for (const std::string& wrong : {"\x80@b"s,
                                     "\xBF@b"s,
                                     "\xC0\x80@b"s,
                                     "\xC1\xBF@b"s,
                                     "\xC2@b"s,
                                     "\xC2"s,
                                     "\xC3\x28@b"s,
                                     "\xE0\x80\x80@b"s,
                                     "\xE0\x9F\xBF@b"s,
                                     "\xE2\x82@b"s,
                                     "\xE2\x82"s,
                                     "\xED\xA0\x80@b"s,
                                     "\xED\xBF\xBF@b"s,
                                     "\xF0\x80\x80\x80@b"s,
                                     "\xF0\x8F\xBF\xBF@b"s,
                                     "\xF4\x90\x80\x80@b"s,
                                     "\xF5\x80\x80\x80@b"s,
                                     "\xFF@b"s,
                                     "\xC2\x80@b"s,
                                     "\xC2\x85@b"s,
                                     "\xC2\x9F@b"s, // C1 controls
                                     "a\xEF\xBC\xA0"
                                     "b@c"s,
                                     "a@b\xE3\x80\x82"
                                     "c"s,
                                     "a@b\xEF\xBC\x8E"
                                     "c"s,
                                     "a@b\xEF\xBD\xA1"
                                     "c"s, // look like '@' and '.'
                                     "a\xE2\x80\xA8@b"s,
                                     "a\xE2\x80\xA9@b"s, // line and paragraph separators
                                     "\"\\\xC3\xA9\"@b"s,
                                     "a@\xC3"s,
                                     "\"\xC3"s}) {
        EXPECT_EQ(mailbox::parse(wrong).error(), errc::bad_address) << testing::PrintToString(wrong);
    }
}

// A code point that some cut down to eight bits would be a CR or a LF. Ours goes out as its octets, of which
// none is a control character, or not at all.
TEST(mailbox, never_narrows_a_code_point) {
    const auto utf8 = [](std::uint32_t c) {
        std::string s;
        if (c < 0x80) {
            s += static_cast<char>(c);
        } else if (c < 0x800) {
            s += static_cast<char>(0xC0 | c >> 6);
            s += static_cast<char>(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            s += static_cast<char>(0xE0 | c >> 12);
            s += static_cast<char>(0x80 | (c >> 6 & 0x3F));
            s += static_cast<char>(0x80 | (c & 0x3F));
        } else {
            s += static_cast<char>(0xF0 | c >> 18);
            s += static_cast<char>(0x80 | (c >> 12 & 0x3F));
            s += static_cast<char>(0x80 | (c >> 6 & 0x3F));
            s += static_cast<char>(0x80 | (c & 0x3F));
        }
        return s;
    };
    std::size_t count = 0;
    for (std::uint32_t high = 0; high <= 0x10FF; ++high) {
        for (const std::uint32_t low : {0x0AU, 0x0DU}) {
            const std::string text = "a" + utf8(high << 8 | low) + "b@example.org";
            const bool surrogate = high >= 0xD8 && high <= 0xDF;
            const result<mailbox> m = mailbox::parse(text);
            ++count;
            EXPECT_EQ(m.has_value(), feature::smtputf8 && high > 0 && !surrogate) << high;
            if (m) {
                EXPECT_EQ(m->text(), text);
                EXPECT_EQ(text.find_first_of("\r\n\0"s), std::string::npos);
            }
        }
    }
    EXPECT_EQ(count, 8704U);
}

// No octet below 0x20, no DEL and no stray octet above 0x7F gets into an address, wherever it stands.
TEST(mailbox, takes_no_control_character_anywhere) {
    for (int c = 0; c < 256; ++c) {
        const char octet = static_cast<char>(c);
        for (const std::string frame : {"alice@example.org", "\"alice b\"@example.org", "alice@[192.0.2.1]",
                                        "alice@[IPv6:2001:db8::1]"}) {
            for (std::size_t i = 0; i <= frame.size(); ++i) {
                std::string text = frame;
                text.insert(i, 1, octet);
                const bool forbidden = c < 0x20 || c == 0x7F || c >= 0x80;
                const result<mailbox> m = mailbox::parse(text);
                EXPECT_FALSE(m && forbidden) << testing::PrintToString(text);
                const result<mailbox> lenient = mailbox::parse_lenient(text);
                EXPECT_FALSE(lenient && (c < 0x20 || c == 0x7F)) << testing::PrintToString(text);
                if (m) {
                    const std::optional<parts> back = read_back("<" + std::string{m->text()} + ">");
                    ASSERT_TRUE(back) << text;
                    EXPECT_EQ(back->domain, m->domain()) << text;
                }
            }
        }
    }
}

TEST(lenient_mailbox, takes_what_cannot_break_the_command) {
    struct row {
        std::string text;
        std::string local;
        std::string domain;
    };
    for (const row& r : {row{"alice", "alice", ""}, row{"<alice@example.org>", "alice", "example.org"},
                         row{"a..b@c", "a..b", "c"}, row{".a.@b", ".a.", "b"}, row{"a@b@c", "a@b", "c"},
                         row{"\"a b\"@c", "\"a b\"", "c"}, row{"\"a@b\"@c", "\"a@b\"", "c"},
                         row{"\"a>b\"@c", "\"a>b\"", "c"}, row{"\"a\\\"b\"@c", "\"a\\\"b\"", "c"},
                         row{"\"a\\\\\"@c", "\"a\\\\\"", "c"}, row{"a@b_c", "a", "b_c"},
                         row{"a(b)@c", "a(b)", "c"}, row{"@b", "@b", ""}, row{"a@", "a", ""}}) {
        const result<mailbox> m = mailbox::parse_lenient(r.text);
        ASSERT_TRUE(m) << r.text;
        EXPECT_EQ(m->local_part(), r.local) << r.text;
        EXPECT_EQ(m->domain(), r.domain) << r.text;
    }
    const result<mailbox> utf8 = mailbox::parse_lenient("j\xC3\xB6rg");
    ASSERT_TRUE(utf8);
    EXPECT_TRUE(utf8->is_utf8());
}

TEST(lenient_mailbox, refuses_what_could) {
    for (const std::string& wrong :
         {""s,           "<>"s,           "<"s,       ">"s,
          "<a"s,         "a>"s,           "a<b"s,     "a> SIZE=1"s,
          "a b@c"s,      "a@b c"s,        "\"a"s,     "\"a@b"s,
          "\"a\\"s,      "\"a\\\""s,      "a\r\nb"s,  "a\0b"s,
          "\"a\rb\"@c"s, "\"a\\\nb\"@c"s, "a\x7F@b"s, "a\\\"> ORCPT=rfc822;x \"@b"s,
          "a\\b@c"s}) { // a server that honours a backslash outside quotes would see the bracket
        EXPECT_EQ(mailbox::parse_lenient(wrong).error(), errc::bad_address) << testing::PrintToString(wrong);
    }
    EXPECT_TRUE(mailbox::parse_lenient(std::string(254, 'a')));
    EXPECT_EQ(mailbox::parse_lenient(std::string(255, 'a')).error(), errc::address_too_long);
}

TEST(paths, are_mailboxes_and_a_little_more) {
    EXPECT_TRUE(reverse_path::parse("")->is_null());
    EXPECT_TRUE(reverse_path::parse("<>")->is_null());
    EXPECT_EQ(reverse_path::parse("<>")->text(), "");
    EXPECT_EQ(reverse_path::parse("a@b")->text(), "a@b");
    EXPECT_EQ(reverse_path::parse("a@b")->address().domain(), "b");
    EXPECT_FALSE(reverse_path::parse("a@b")->is_utf8());
    EXPECT_EQ(reverse_path::parse("a").error(), errc::bad_address);
    EXPECT_EQ(reverse_path::parse("<a@b>").error(), errc::bad_address);
    EXPECT_EQ(forward_path::parse("Postmaster")->text(), "Postmaster");
    EXPECT_EQ(forward_path::parse("POSTMASTER")->address().domain(), "");
    EXPECT_EQ(forward_path::parse("a@b")->text(), "a@b");
    EXPECT_FALSE(forward_path::parse("a@b")->is_utf8());
    EXPECT_FALSE(forward_path::parse("a@b")->empty());
    EXPECT_TRUE(forward_path{}.empty());
    EXPECT_EQ(forward_path::parse("").error(), errc::bad_address);
    EXPECT_EQ(forward_path::parse("<>").error(), errc::bad_address);
    EXPECT_EQ(forward_path::parse("postmasters").error(), errc::bad_address);
}

TEST(domain_or_literal, is_what_ehlo_takes) {
    for (const std::string_view right :
         {"localhost", "mx.example.org", "[192.0.2.1]", "[IPv6:::1]", "a", "1"}) {
        EXPECT_TRUE(is_domain_or_literal(right)) << right;
    }
    for (const std::string_view wrong :
         {"", ".", "a.", ".a", "a b", "a\r\n", "192.0.2.1]", "[192.0.2.1", "a_b", "-", "[]"}) {
        EXPECT_FALSE(is_domain_or_literal(wrong)) << wrong;
    }
}

TEST(result, holds_a_value_or_an_error) {
    result<int> r{7};
    EXPECT_TRUE(r.has_value());
    EXPECT_EQ(*r, 7);
    EXPECT_EQ(r.value(), 7);
    *r = 8;
    EXPECT_EQ(std::as_const(r).value(), 8);
    EXPECT_EQ(std::move(r).value(), 8);
    EXPECT_EQ(r.value_or(1), 8);
    const result<int> e{errc::bad_address};
    EXPECT_FALSE(e);
    EXPECT_EQ(e.error(), errc::bad_address);
    EXPECT_EQ(e.value_or(1), 1);
    result<std::string> s{"text"s};
    EXPECT_EQ(s->size(), 4U);
    EXPECT_EQ(std::as_const(s)->size(), 4U);
    EXPECT_EQ(*std::move(s), "text");
}

} // namespace
