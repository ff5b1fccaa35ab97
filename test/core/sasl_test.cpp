#include "postrider/sasl.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace postrider;

std::string response_of(const mechanism& m) {
    std::string all;
    for (unsigned i = 0; m.part(i).data() != nullptr; ++i) {
        all += m.part(i);
    }
    return all;
}

std::string encoded(std::string_view octets) {
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        char four[4];
        base64_encode_group(octets.data() + i,
                            static_cast<unsigned>(std::min<std::size_t>(3, octets.size() - i)), four);
        out.append(four, 4);
    }
    return out;
}

// The decoded text, or "-" when it is refused.
std::string decoded(std::string text) {
    const std::ptrdiff_t size = base64_decode_in_place(text.data(), text.size());
    return size < 0 ? "-" : text.substr(0, static_cast<std::size_t>(size));
}

TEST(base64, is_that_of_rfc_4648) {
    const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, text] : vectors) {
        EXPECT_EQ(encoded(plain), text);
        EXPECT_EQ(decoded(text), plain);
    }
}

TEST(base64, comes_back_for_every_pair_of_octets) {
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            const std::string s{static_cast<char>(a), static_cast<char>(b), static_cast<char>(a ^ b)};
            ASSERT_EQ(decoded(encoded(s)), s);
            ASSERT_EQ(decoded(encoded(s.substr(0, 2))), s.substr(0, 2));
        }
    }
}

// Of all four-character texts whose last two vary freely, exactly those decode that encoding can give.
TEST(base64, takes_nothing_that_encoding_does_not_give) {
    for (const std::string first : {"Zg", "Z=", "=Z", "Z!"}) {
        for (int a = 0; a < 256; ++a) {
            for (int b = 0; b < 256; ++b) {
                const std::string text = first + static_cast<char>(a) + static_cast<char>(b);
                const std::string back = decoded(text);
                ASSERT_TRUE(back == "-" || encoded(back) == text) << testing::PrintToString(text);
            }
        }
    }
    for (const std::string wrong :
         {"Z", "Zg", "Zg=", "Zg==Zg==", "Zh==", "Zm9=", "====", "Z===", "Zm9v=", "Zm9v\n", "Zm 9v", "Zm-_"}) {
        EXPECT_EQ(decoded(wrong), "-") << wrong;
    }
}

TEST(plain, joins_its_texts_with_nul) {
    plain_mechanism m{"tim", "tanstaaftanstaaf"};
    EXPECT_EQ(m.name(), "PLAIN");
    EXPECT_TRUE(m.needs_secure_line());
    EXPECT_FALSE(m.may_finish());
    EXPECT_TRUE(m.start());
    EXPECT_TRUE(m.may_finish());
    using namespace std::string_literals;
    EXPECT_EQ(response_of(m), "\0tim\0tanstaaftanstaaf"s);
    EXPECT_EQ(response_of(plain_mechanism("tim", "x", "admin")), "admin\0tim\0x"s);
    EXPECT_EQ(response_of(plain_mechanism({}, {})), "\0\0"s);
    EXPECT_EQ(m.respond(""), errc::auth_challenge);
    EXPECT_EQ(m.part(5).data(), nullptr);
    EXPECT_EQ(m.part(100).data(), nullptr);
}

TEST(login, answers_two_prompts_in_the_order_they_are_asked) {
    login_mechanism m{"tim", "secret"};
    EXPECT_EQ(m.name(), "LOGIN");
    EXPECT_TRUE(m.needs_secure_line());
    for (const std::string_view first : {"Username:", "User Name\0", "", "login", "pass", "Passwor"}) {
        EXPECT_FALSE(m.start());
        EXPECT_FALSE(m.may_finish());
        EXPECT_EQ(m.respond(first), errc::ok);
        EXPECT_EQ(response_of(m), "tim") << first;
        EXPECT_FALSE(m.may_finish());
        EXPECT_EQ(m.respond("whatever"), errc::ok);
        EXPECT_EQ(response_of(m), "secret");
        EXPECT_TRUE(m.may_finish());
        EXPECT_EQ(m.respond("Username:"), errc::auth_challenge);
    }
    EXPECT_FALSE(m.start());
    EXPECT_EQ(m.respond("PASSWORD:"), errc::ok);
    EXPECT_EQ(response_of(m), "secret");
    EXPECT_EQ(m.respond("password:"), errc::ok) << "the password goes out once";
    EXPECT_EQ(response_of(m), "tim");
    EXPECT_TRUE(m.may_finish());
}

TEST(login, can_be_copied_before_it_is_used) {
    const login_mechanism original{"tim", "secret"};
    login_mechanism copy = original;
    EXPECT_FALSE(copy.start());
    EXPECT_EQ(copy.respond(""), errc::ok);
    EXPECT_EQ(response_of(copy), "tim");
}

TEST(login, an_empty_text_is_an_empty_line_and_not_the_end) {
    login_mechanism m{{}, {}};
    m.start();
    EXPECT_EQ(m.respond(""), errc::ok);
    EXPECT_NE(m.part(0).data(), nullptr);
    EXPECT_EQ(m.part(0), "");
    EXPECT_EQ(m.part(1).data(), nullptr);
}

} // namespace
