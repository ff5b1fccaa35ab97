#include "support.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace postrider::test {

void PrintTo(const address& a, std::ostream* out) {
    *out << '"' << a.display_name << "\" <" << a.addr_spec << '>';
}

namespace {

using list = std::vector<address>;

list parsed(std::string_view text) {
    std::string why;
    const auto r = parse_address_list(text, &why);
    EXPECT_TRUE(r) << text << ": " << why;
    return r.value_or(list{});
}

std::string refused(std::string_view text) {
    std::string why;
    const auto r = parse_address_list(text, &why);
    EXPECT_FALSE(r) << text;
    EXPECT_FALSE(why.empty());
    return why;
}

TEST(address_list, what_people_write) {
    EXPECT_EQ(parsed("a@b.example"), (list{{"", "a@b.example"}}));
    EXPECT_EQ(parsed("Name <a@b>, c@d"), (list{{"Name", "a@b"}, {"", "c@d"}}));
    EXPECT_EQ(parsed("\"Doe, J.\" <j@d>"), (list{{"Doe, J.", "j@d"}}));
    EXPECT_EQ(parsed("J. R. Hartley <j@d>"), (list{{"J. R. Hartley", "j@d"}}));
    EXPECT_EQ(parsed("\"a \\\"b\\\\ c\" <j@d>"), (list{{"a \"b\\ c", "j@d"}}));
    EXPECT_EQ(parsed("<a@b>"), (list{{"", "a@b"}}));
    EXPECT_EQ(parsed("a@b <a@b>"), (list{{"a@b", "a@b"}}));
    EXPECT_EQ(parsed(" \t a@b \t,\t<c@d> "), (list{{"", "a@b"}, {"", "c@d"}}));
    EXPECT_EQ(parsed("Jürgen Müller <j@bücher.example>"), (list{{"Jürgen Müller", "j@bücher.example"}}));
    EXPECT_EQ(parsed("用户@例え.example"), (list{{"", "用户@例え.example"}}));
    EXPECT_EQ(parsed("a@[192.0.2.1], b@[IPv6:2001:db8::1]"),
              (list{{"", "a@[192.0.2.1]"}, {"", "b@[IPv6:2001:db8::1]"}}));
    EXPECT_EQ(parsed("\"a b\"@c"), (list{{"", "\"a b\"@c"}}));
    EXPECT_EQ(parsed("\"a>,@b\"@c, N <\"x,>y\"@z>"), (list{{"", "\"a>,@b\"@c"}, {"N", "\"x,>y\"@z"}}));
}

TEST(address_list, groups_comments_and_empty_elements) {
    EXPECT_EQ(parsed("undisclosed-recipients:;"), list{});
    EXPECT_EQ(parsed("Team: a@b, C <c@d>;, e@f"), (list{{"", "a@b"}, {"C", "c@d"}, {"", "e@f"}}));
    EXPECT_EQ(parsed("a@b (the (inner) one), c@d (x\\)y)"), (list{{"", "a@b"}, {"", "c@d"}}));
    EXPECT_EQ(parsed("Pete(A) <(b)pete@example.org(c)>"), (list{{"Pete", "pete@example.org"}}));
    EXPECT_EQ(parsed(",a@b,, c@d,"), (list{{"", "a@b"}, {"", "c@d"}}));
    EXPECT_EQ(parsed(""), list{});
    EXPECT_EQ(parsed("  "), list{});
}

TEST(address_list, encoded_words_are_decoded_in_names_and_never_in_addresses) {
    EXPECT_EQ(parsed("=?utf-8?q?J=C3=BCrgen?= <j@d>"), (list{{"Jürgen", "j@d"}}));
    EXPECT_EQ(parsed("\"=?utf-8?q?J?=\" <j@d>"), (list{{"=?utf-8?q?J?=", "j@d"}}));
    EXPECT_EQ(parsed("=?utf-8?q?a=40b=3E?=@x"), (list{{"", "=?utf-8?q?a=40b=3E?=@x"}}));
    EXPECT_NE(refused("=?utf-8?q?a=0D=0ABcc=3A_x?= <j@d>").find("control character"), std::string::npos);
}

TEST(address_list, nothing_is_dropped_what_does_not_parse_is_an_error) {
    for (const std::string_view bad :
         {"a",          "a@",           "@b",          "a@b c@d",       "a@b; c@d",      "<a@b",
          "a@b>",       "<a@b> c",      "<a@b> <c@d>", "<<a@b>>",       "N <>",          "\"open <a@b>",
          "a@b (open",  "a@[192.0.2.1", "a b@c",       "a..b@c",        ".a@b",          "a@b..c",
          "a@-b",       "x: y: a@b;;",  "x: a@b",      ": a@b;",        "<@r1,@r2:a@b>", "a@b,c",
          "N (c <a@b>", "a\\b@c",       "a@b]",        "\"a\" \"b\"@c", "a@b\"c\"",      "N <a@b>\"c\"",
          "a@b (\\",    "\"\\"}) {
        refused(bad);
    }
}

TEST(address_list, the_explanation_names_the_piece) {
    EXPECT_NE(refused("good@example.org, broken, fine@example.org").find("'broken'"), std::string::npos);
    EXPECT_NE(refused("a@b, Name <c d@e>").find("'c d@e'"), std::string::npos);
    EXPECT_NE(refused("a@b; c@d").find("commas"), std::string::npos);
    EXPECT_EQ(parse_address_list(std::string(65, 'a') + "@b").error(), errc::address_too_long);
}

TEST(address_list, control_characters_and_bad_utf8_are_refused_anywhere) {
    for (int c = 0; c < 0x20; ++c) {
        for (const char* shape :
             {"%a@b", "a%b@c", "N% <a@b>", "\"N%\" <a@b>", "\"a%\"@b", "a@b (%)", "a@b%"}) {
            std::string text = shape;
            text[text.find('%')] = static_cast<char>(c);
            if (c != '\t') {
                refused(text);
            }
        }
    }
    refused("a\x7F@b");
    for (const std::string_view bad : {"\xFF <a@b>", "\xC0\xAE <a@b>", "\xED\xA0\x80 <a@b>",
                                       "a\xF5\x80\x80\x80@b", "N\xC3 <a@b>", "a@b\xE2\x82"}) {
        refused(bad);
    }
}

TEST(address_list, domains_that_only_look_like_others_are_refused) {
    for (const std::string_view bad :
         {"a@ｅxample.com", "a@example。com", "a＠example.com", "a@xn--0049.com", "a@xn--a", "a@\u2460.com",
          "a@ⓔxample.com", "a@b\u200Bc.example", "a@xn--80akhbyknj4f-.com"}) {
        refused(bad);
    }
}

TEST(address_list, deep_nesting_is_refused_or_skipped_without_recursion) {
    std::string groups;
    for (int i = 0; i < 1000000; ++i) {
        groups += "a:";
    }
    refused(groups);
    refused(std::string(1000000, ':'));
    refused(std::string(1000000, '('));
    refused(std::string(1000000, '<'));
    refused(std::string(1000000, '['));
    refused(std::string(1000000, '"') + "\"");
    EXPECT_EQ(parsed("a@b " + std::string(1000000, '(') + std::string(1000000, ')')), (list{{"", "a@b"}}));
}

double seconds(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string repeated(std::string_view piece, std::size_t size) {
    std::string out;
    while (out.size() < size) {
        out += piece;
    }
    return out;
}

// Ten times the input may take ten times as long; quadratic work would take a hundred times.
TEST(address_list, time_grows_with_the_size_and_not_with_its_square) {
    for (const std::string_view piece : {"Name <user@example.org>, ", "(", "\"a\\\"", "a ",
                                         "=?utf-8?q?x?= ", "a@b (c) ", "g: a@b;, ", ",", "\xC3\xA4"}) {
        const std::string small = repeated(piece, 200000);
        const std::string large = repeated(piece, 2000000);
        const double first = seconds([&] { static_cast<void>(parse_address_list(small)); });
        const double second = seconds([&] { static_cast<void>(parse_address_list(large)); });
        EXPECT_LT(second, 40 * first + 0.2) << piece;
    }
}

TEST(address_list, ten_megabytes_are_just_a_long_list) {
    constexpr std::string_view piece = "Name <user@example.org>, ";
    const std::string text = repeated(piece, 10000000);
    EXPECT_EQ(parsed(text).size(), text.size() / piece.size());
}

TEST(ascii_mailbox, converts_the_domain_and_only_the_domain) {
    EXPECT_EQ(ascii_mailbox("j@bücher.example").value(), "j@xn--bcher-kva.example");
    EXPECT_EQ(ascii_mailbox("j@BÜCHER.example").value(), "j@xn--bcher-kva.example");
    EXPECT_EQ(ascii_mailbox("j@bu\u0308cher.example").value(), "j@xn--bcher-kva.example");
    EXPECT_EQ(ascii_mailbox("j@straße.example").value(), "j@xn--strae-oqa.example");
    EXPECT_EQ(ascii_mailbox("J@Example.ORG").value(), "J@Example.ORG");
    EXPECT_EQ(ascii_mailbox("j@xn--bcher-kva.example").value(), "j@xn--bcher-kva.example");
    EXPECT_EQ(ascii_mailbox("j@[192.0.2.1]").value(), "j@[192.0.2.1]");
    EXPECT_EQ(ascii_mailbox("\"a@b\"@bücher.example").value(), "\"a@b\"@xn--bcher-kva.example");
    EXPECT_EQ(ascii_mailbox("jü@example.org").error(), errc::needs_smtputf8);
    EXPECT_EQ(ascii_mailbox("j@xn--0049.example").error(), errc::bad_address);
    EXPECT_EQ(ascii_mailbox("nothing").error(), errc::bad_address);
}

} // namespace
} // namespace postrider::test
