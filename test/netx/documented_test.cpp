// What the guide says of the three documented services, one test for each thing it says.
#include "smtp_fixture.hpp"

#include <regex>
#include <thread>

namespace {

using namespace test;

class documented : public smtp {};

TEST_F(documented, ehlo_first_and_helo_where_it_is_refused) {
    EXPECT_EQ(words(talk({})), (lines{"EHLO", "MAIL", "RCPT", "DATA", "QUIT"}));
    for (const char* code : {"500", "502", "504"}) {
        server.on("EHLO", {std::string(code) + " what?\r\n"});
        const auto heard = talk({});
        EXPECT_EQ(words(heard), (lines{"EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"})) << code;
        EXPECT_EQ(heard.lines[1], "HELO device.test");
        EXPECT_EQ(heard.lines[2], "MAIL FROM:<alice@mail.test>") << "no parameters without EHLO";
    }
    for (const char* code : {"421", "451", "550", "554", "501"}) {
        server.on("EHLO", {std::string(code) + " no\r\n"});
        EXPECT_EQ(line_of(talk({}, NX_SMTP_HELLO_REPLY_ERROR).lines, "HELO"), "") << code;
    }
    server.on("EHLO", {"500 what?\r\n"});
    server.on("HELO", {"500 what?\r\n"});
    EXPECT_EQ(words(talk({}, NX_SMTP_HELLO_REPLY_ERROR)), (lines{"EHLO", "HELO", "QUIT"}));
}

TEST_F(documented, a_line_dropped_at_ehlo_is_made_anew_with_helo) {
    for (const auto& how : {then_end, then_reset}) {
        server.on("EHLO", {how});
        const int before = server.connections();
        EXPECT_EQ(words(talk({})), (lines{"HELO", "MAIL", "RCPT", "DATA", "QUIT"}));
        EXPECT_EQ(server.connections(), before + 2);
    }
    server.on("HELO", {then_end});
    const int before = server.connections();
    talk({}, NX_NOT_CONNECTED);
    EXPECT_EQ(server.connections(), before + 2) << "tried once each";
}

TEST_F(documented, plain_answers_once) {
    const auto heard = talk(with_plain);
    EXPECT_EQ(words(heard), (lines{"EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"}));
    EXPECT_EQ(heard.credentials, "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_EQ(heard.responses, 1);
}

TEST_F(documented, a_second_334_to_plain_is_cancelled) {
    server.on("AUTH", {"334 \r\n"});
    server.on("RESPONSE", {"334 \r\n"});
    for (const char* answer : {"501 cancelled\r\n", "235 welcome all the same\r\n", "334 \r\n"}) {
        server.on("*", {answer});
        const auto heard = talk(with_plain, NX_SMTP_AUTH_REPLY_ERROR);
        EXPECT_EQ(heard.credentials, "AUTH PLAIN " + plain("user", "secret"));
        EXPECT_EQ(heard.responses, 1);
        EXPECT_EQ(lines(heard.lines.end() - 2, heard.lines.end()), (lines{"*", "QUIT"}));
    }
}

TEST_F(documented, login_answers_any_two_prompts) {
    const auto prompts = std::vector<std::pair<std::string, std::string>>{
        {base64("Username:"), base64("Password:")},
        {base64("username:"), base64("PASSWORD:")},
        {base64(std::string("User Name\0", 10)), base64(std::string("Password\0", 9))},
        {base64("Login"), base64("Key")},
        {"Username:", "UGFzc3dvcmQ"}, // not base64
        {"", ""}};
    for (const auto& [first, second] : prompts) {
        server.on("AUTH", {"334 " + first + "\r\n"});
        server.on("RESPONSE", {"334 " + second + "\r\n", "235 welcome\r\n"});
        const auto heard = talk(with_login);
        EXPECT_EQ(lines(heard.lines.begin() + 1, heard.lines.begin() + 4),
                  (lines{"AUTH LOGIN", base64("user"), base64("secret")}));
    }
}

TEST_F(documented, login_answers_the_password_where_it_is_asked_first) {
    server.on("AUTH", {"334 " + base64("Password:") + "\r\n"});
    server.on("RESPONSE", {"334 " + base64("Username:") + "\r\n", "235 welcome\r\n"});
    const auto heard = talk(with_login);
    EXPECT_EQ(lines(heard.lines.begin() + 1, heard.lines.begin() + 4),
              (lines{"AUTH LOGIN", base64("secret"), base64("user")}));
}

TEST_F(documented, login_never_answers_a_third_time) {
    server.on("AUTH", {"334 " + base64("Username:") + "\r\n"});
    server.on("RESPONSE", {"334 " + base64("Password:") + "\r\n", "334 " + base64("Username:") + "\r\n"});
    EXPECT_EQ(talk(with_login, NX_SMTP_AUTH_REPLY_ERROR).lines,
              (lines{"EHLO device.test", "AUTH LOGIN", base64("user"), base64("secret"), "*", "QUIT"}));
}

TEST_F(documented, none_is_switched_to_plain_where_auth_is_listed) {
    const account named{"user", "secret", NX_SMTP_CLIENT_AUTH_NONE};
    EXPECT_EQ(talk(named).credentials, "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_EQ(talk({}).credentials, "") << "with nothing to send";
    server.offer({});
    EXPECT_EQ(talk(named).credentials, "") << "with nothing listed";
}

TEST_F(documented, plain_is_tried_where_nothing_is_listed) {
    for (const auto& offered : {lines{}, lines{"SIZE", "8BITMIME"}}) {
        server.offer(offered);
        for (const auto& who : {with_plain, with_login})
            EXPECT_EQ(talk(who).credentials, "AUTH PLAIN " + plain("user", "secret"));
    }
}

TEST_F(documented, the_listed_mechanism_is_taken_and_the_choice_is_made_anew) {
    const std::string by_plain = "AUTH PLAIN " + plain("user", "secret");
    const std::string by_login = "AUTH LOGIN " + base64("user") + " " + base64("secret");
    server.offer({"AUTH LOGIN"});
    EXPECT_EQ(talk(with_plain).credentials, by_login);
    create(with_login);
    for (const auto& [listed, taken] :
         {std::pair{"AUTH PLAIN XOAUTH2", by_plain}, std::pair{"AUTH PLAIN LOGIN", by_login}}) {
        server.offer({listed});
        EXPECT_EQ(send(), success);
        EXPECT_EQ(server.heard().credentials, taken) << "the same client";
    }
    server.offer({"auth.example.org LOGIN", "X-AUTH LOGIN"});
    EXPECT_EQ(talk(with_login).credentials, by_plain) << "a host's name lists nothing";
}

TEST_F(documented, refused_credentials_are_an_authentication_error) {
    for (const char* answer : {"535 no\r\n", "454 not now\r\n", "421 closing\r\n", "354 what\r\n",
                               "252 hm\r\n", "250 ok\r\n", "hello\r\n"}) {
        server.on("AUTH", {answer});
        EXPECT_EQ(line_of(talk(with_plain, NX_SMTP_AUTH_REPLY_ERROR).lines, "MAIL"), "") << answer;
        expect_usable();
    }
}

const std::vector<std::string>& nasty_bodies() {
    static const std::vector<std::string> bodies = {".",
                                                    ".\r\n..\r\n...\r\n.a\r\n.\r\n\r\n.\r\n",
                                                    "text\r\n.\r\n",
                                                    "text without an end.",
                                                    "a\nb\rc\r\rd\n\ne\r\n.\n.\r.\r\n\r.\r\n",
                                                    "\n.\nMAIL FROM:<x@y.z>\n\r.\r\r\n.\rDATA\r\n",
                                                    "\r\n.\r\nQUIT\r\n.\r\nMAIL FROM:<x@y.z>\r\n",
                                                    "ends in empty lines\r\n\r\n\r\n",
                                                    "\r\n",
                                                    "\r",
                                                    "\n",
                                                    std::string(998, 'x') + "\r\n" + std::string(998, '.') +
                                                        "\r\n",
                                                    std::string(20000, '.'),
                                                    "Gr\xC3\xBC\xC3\x9F"
                                                    "e \xFF\xFE\x80\x01\x7F\t\r\n"};
    return bodies;
}

TEST_F(documented, nothing_in_a_body_ends_the_message) {
    create();
    for (const auto& body : nasty_bodies()) {
        ASSERT_EQ(send(body), success);
        const auto heard = server.heard();
        ASSERT_EQ(heard.contents.size(), 1U);
        EXPECT_EQ(parts(heard.contents[0]).second, canonical(body));
        EXPECT_EQ(words(heard), (lines{"EHLO", "MAIL", "RCPT", "DATA", "QUIT"}));
    }
}

TEST_F(documented, bodies_survive_every_packet_size) {
    std::string all;
    for (const auto& body : nasty_bodies())
        all += body;
    for (const ULONG payload : {ULONG{64}, ULONG{68}, ULONG{100}, ULONG{256}}) {
        pool small(payload, 6);
        auto address = loopback();
        NX_SMTP_CLIENT other{};
        ASSERT_EQ(nxd_smtp_client_create(&other, &ip, &small.control, name(""), name(""),
                                         name("alice@mail.test"), name("device.test"),
                                         NX_SMTP_CLIENT_AUTH_NONE, &address, server.port()),
                  success);
        EXPECT_EQ(nx_smtp_mail_send(&other, name("bob@mail.test"), NX_SMTP_MAIL_PRIORITY_NORMAL, name("s"),
                                    all.data(), static_cast<UINT>(all.size())),
                  success);
        EXPECT_EQ(parts(server.heard().contents.at(0)).second, canonical(all)) << payload;
        EXPECT_EQ(nx_smtp_client_delete(&other), success);
        EXPECT_EQ(small.stats().allocated, 0U);
    }
}

TEST_F(documented, the_fixed_header) {
    create();
    ASSERT_EQ(send("body\r\n", "<bob@mail.test>", NX_SMTP_MAIL_PRIORITY_NORMAL, "the subject"), success);
    const auto [header, body] = parts(server.heard().contents.at(0));
    EXPECT_EQ(body, "body\r\n");
    const std::regex expected(
        "To: bob@mail.test\r\n"
        "From: alice@mail.test\r\n"
        "Subject: the subject\r\n"
        "(Message-ID: <[0-9a-f]{24}@mail.test>\r\n)?" // a minimal build leaves it to the server
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain;\r\n"
        "  charset=\"utf-8\"\r\n"
        "Content-Transfer-Encoding: 8bit\r\n");
    EXPECT_TRUE(std::regex_match(header, expected)) << header;
}

TEST_F(documented, path_forms) {
    const std::vector<std::pair<const char*, std::string>> forms = {
        {"bob@mail.test", "<bob@mail.test>"},
        {"<bob@mail.test>", "<bob@mail.test>"},
        {"bob", "<bob>"},
        {"<bob>", "<bob>"},
        {"bob@[192.0.2.1]", "<bob@[192.0.2.1]>"},
        {"<bob@[IPv6:2001:db8::1]>", "<bob@[IPv6:2001:db8::1]>"},
        {"\"b ob\"@mail.test", "<\"b ob\"@mail.test>"}};
    for (const auto& [given, path] : forms) {
        create({"", "", NX_SMTP_CLIENT_AUTH_NONE, given});
        EXPECT_EQ(send("x\r\n", given), success) << given;
        const auto heard = server.heard();
        EXPECT_TRUE(line_of(heard.lines, "MAIL").starts_with("MAIL FROM:" + path)) << given;
        EXPECT_EQ(line_of(heard.lines, "RCPT"), "RCPT TO:" + path);
    }
}

TEST_F(documented, paths_that_could_break_the_line_are_refused) {
    const std::string longest = "bob@" + std::string(250, 'd');
    const std::string too_long = "bob@" + std::string(251, 'd');
    for (const std::string& bad :
         {std::string("bob@mail.test\r\nRSET"), std::string("bob\n@mail.test"),
          std::string("bob\r@mail.test"), std::string("bob@mail.test>"), std::string("<bob@mail.test"),
          std::string("b<ob@mail.test"), std::string("<<bob@mail.test>>"),
          std::string("bob@mail.test> SIZE=1"), std::string("bob\x7F@a"), std::string("\"bob@mail.test"),
          std::string(""), std::string("<>"), too_long, std::string(600, 'x')}) {
        create();
        EXPECT_EQ(send("x\r\n", bad.c_str()), UINT{NX_SMTP_INVALID_PARAM}) << bad;
        create({"", "", NX_SMTP_CLIENT_AUTH_NONE, bad.c_str()});
        EXPECT_EQ(send(), UINT{NX_SMTP_INVALID_PARAM}) << bad;
    }
    EXPECT_EQ(server.connections(), 0) << "nothing was sent";
    create({"", "", NX_SMTP_CLIENT_AUTH_NONE, longest.c_str()});
    EXPECT_EQ(send("x\r\n", longest.c_str()), success);
    EXPECT_EQ(line_of(server.heard().lines, "RCPT"), "RCPT TO:<" + longest + ">");
}

TEST_F(documented, subjects_and_domains_that_could_break_the_line_are_refused) {
    for (const char* bad : {"a\r\nBcc: c@mail.test", "a\nb", "a\rb", "a\x01"}) {
        create();
        EXPECT_EQ(send("x\r\n", "bob@mail.test", NX_SMTP_MAIL_PRIORITY_NORMAL, bad),
                  UINT{NX_SMTP_INVALID_PARAM});
        create({"", "", NX_SMTP_CLIENT_AUTH_NONE, "alice@mail.test", bad});
        EXPECT_EQ(send(), UINT{NX_SMTP_INVALID_PARAM});
    }
    create({"", "", NX_SMTP_CLIENT_AUTH_NONE, "alice@mail.test", "a\tb"});
    EXPECT_EQ(send(), UINT{NX_SMTP_INVALID_PARAM});
    create();
    const std::string longest(512, 's');
    EXPECT_EQ(send("x\r\n", "bob@mail.test", NX_SMTP_MAIL_PRIORITY_NORMAL, (longest + "s").c_str()),
              UINT{NX_SIZE_ERROR});
    EXPECT_EQ(server.connections(), 0) << "nothing was sent";
    EXPECT_EQ(send("x\r\n", "bob@mail.test", NX_SMTP_MAIL_PRIORITY_NORMAL, longest.c_str()), success);
}

TEST_F(documented, a_message_larger_than_a_packet_and_than_the_pool) {
    create();
    std::string body;
    for (int i = 0; body.size() < 300'000; ++i)
        body += "line " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 90), '.') + "\r\n";
    ASSERT_EQ(send(body), success);
    EXPECT_EQ(parts(server.heard().contents.at(0)).second, body);
    EXPECT_GT(application->stats().allocations, 200U);
    EXPECT_LE(application->stats().peak, 16U);
}

#ifdef FEATURE_NX_IPV6
TEST_F(documented, ipv4_and_ipv6_without_difference) {
    create();
    EXPECT_EQ(send(), success);
    const auto by_v4 = server.heard();
    smtp_server other(AF_INET6);
    ASSERT_EQ(create_at(loopback_v6(), other.port()), success);
    EXPECT_EQ(send(), success);
    const auto by_v6 = other.heard();
    EXPECT_EQ(by_v4.lines[0], by_v6.lines[0]);
    EXPECT_EQ(words(by_v4), words(by_v6));
    EXPECT_EQ(parts(by_v4.contents.at(0)).second, parts(by_v6.contents.at(0)).second);
}
#endif

TEST_F(documented, one_connection_for_each_mail) {
    create();
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(send(), success);
        EXPECT_TRUE(server.heard().quit);
        EXPECT_EQ(server.connections(), i);
    }
    server.on("RCPT", {"550 no\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
    EXPECT_TRUE(server.heard().quit) << "closed in order after a refusal too";
    EXPECT_EQ(server.connections(), 4);
}

TEST_F(documented, the_initial_state_after_every_result) {
    const std::vector<std::pair<std::string, UINT>> steps = {
        {"greeting", NX_SMTP_GREET_REPLY_ERROR}, {"EHLO", NX_SMTP_HELLO_REPLY_ERROR},
        {"AUTH", NX_SMTP_AUTH_REPLY_ERROR},      {"MAIL", NX_SMTP_MAIL_REPLY_ERROR},
        {"RCPT", NX_SMTP_RCPT_REPLY_ERROR},      {"DATA", NX_SMTP_DATA_REPLY_ERROR},
        {".", NX_SMTP_MESSAGE_REPLY_ERROR}};
    create(with_plain);
    for (const auto& [step, code] : steps) {
        for (const char* answer : {"450 later\r\n", "550 never\r\n", "421 closing\r\n", "421 closing\r\n\x01",
                                   "199 what\r\n", "2500 x\r\n"}) {
            server.on(step, {answer});
            EXPECT_EQ(send(), code) << step << ": " << answer;
            expect_usable();
        }
    }
}

TEST_F(documented, any_2yz_accepts_where_the_protocol_allows_it) {
    create();
    for (const char* step : {"MAIL", "RCPT", "."}) {
        for (const char* answer : {"251 will forward\r\n", "252 perhaps\r\n"}) {
            server.on(step, {answer});
            EXPECT_EQ(send(), success) << step << answer;
            server.usual();
        }
    }
}

TEST_F(documented, an_accepted_mail_is_a_success_whatever_becomes_of_quit) {
    create();
    nx_hosted_tick_scale(50);
    for (const auto& answer : {then_end, then_reset, then_silence, std::string("421 no\r\n"),
                               std::string("500 what\r\n"), std::string("zzz\r\n"), std::string("25")}) {
        server.on("QUIT", {answer});
        EXPECT_EQ(send(), success);
    }
    server.usual();
    server.on(".", {"250 queued\r\n" + then_end, "250 queued\r\n" + then_reset, "250 queued\r\n"});
    EXPECT_EQ(send(), success);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.accepted().size(), 10U);
}

TEST_F(documented, replies_of_several_lines_for_every_code) {
    create(with_plain);
    for (const ULONG cut : {ULONG{0}, ULONG{1}, ULONG{7}}) {
        nx_hosted_receive_cut(cut, 0);
        server.on("greeting", {"220-one\r\n220-two\r\n220 three\r\n"});
        server.on("AUTH", {minimal ? "334 \r\n" : "235-one\r\n235 two\r\n"});
        server.on("RESPONSE", {"235-one\r\n235 two\r\n"});
        server.on("MAIL", {"250-one\r\n250-two 250 three\r\n250 four\r\n"});
        server.on("RCPT", {"250-one\r\n250 two\r\n"});
        server.on("DATA", {"354-one\r\n354 two\r\n"});
        server.on(".", {"250-one\r\n250 two\r\n"});
        server.on("QUIT", {"221-one\r\n221 two\r\n"});
        EXPECT_EQ(send(), success);
        server.on("RCPT", {"550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\r\n"});
        EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
        EXPECT_TRUE(server.heard().quit) << "the lines were not taken for replies to what came next";
        server.usual();
    }
    server.on("greeting", {"220\r\n"});
    server.on("MAIL", {"250\r\n"});
    server.on("RCPT", {"250 \r\n"});
    EXPECT_EQ(send(), success) << "a code alone is a reply (RFC 5321 4.2)";
}

TEST_F(documented, malformed_replies_are_errors) {
    create(with_plain);
    const std::vector<std::pair<std::string, UINT>> steps = {
        {"greeting", NX_SMTP_GREET_REPLY_ERROR}, {"EHLO", NX_SMTP_HELLO_REPLY_ERROR},
        {"AUTH", NX_SMTP_AUTH_REPLY_ERROR},      {"MAIL", NX_SMTP_MAIL_REPLY_ERROR},
        {"RCPT", NX_SMTP_RCPT_REPLY_ERROR},      {"DATA", NX_SMTP_DATA_REPLY_ERROR},
        {".", NX_SMTP_MESSAGE_REPLY_ERROR}};
    for (const auto& [step, code] : steps) {
        for (const std::string& answer :
             {std::string("2500 ok\r\n"), std::string("hello 220 x\r\n"), std::string("25 hi\r\n"),
              std::string("\r\n"), std::string("250-a\r\n251 b\r\n"), std::string("\0\0\0\0\r\n", 6),
              std::string("999 x\r\n"), "250 " + std::string(5000, 'x')}) {
            server.on(step, {answer});
            EXPECT_EQ(send(), code) << step << ": " << answer.substr(0, 20);
            expect_usable();
        }
    }
}

} // namespace
