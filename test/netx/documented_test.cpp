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
    EXPECT_EQ(line_of(heard.lines, "AUTH"), "AUTH PLAIN " + plain("user", "secret"));
}

TEST_F(documented, a_second_334_to_plain_is_cancelled) {
    server.on("AUTH", {"334 \r\n"});
    server.on("RESPONSE", {"501 cancelled\r\n"});
    EXPECT_EQ(talk(with_plain, NX_SMTP_AUTH_REPLY_ERROR).lines,
              (lines{"EHLO device.test", "AUTH PLAIN " + plain("user", "secret"), "*", "QUIT"}));
    server.on("RESPONSE", {"235 welcome all the same\r\n"});
    EXPECT_EQ(words(talk(with_plain, NX_SMTP_AUTH_REPLY_ERROR)), (lines{"EHLO", "AUTH", "*", "QUIT"}));
    server.on("RESPONSE", {"334 \r\n"});
    EXPECT_EQ(words(talk(with_plain, NX_SMTP_AUTH_REPLY_ERROR)), (lines{"EHLO", "AUTH", "*", "QUIT"}));
}

TEST_F(documented, login_answers_any_two_prompts) {
    const auto prompts = std::vector<std::pair<std::string, std::string>>{
        {base64("Username:"), base64("Password:")},
        {base64("username:"), base64("PASSWORD:")},
        {base64(std::string("User Name\0", 10)), base64(std::string("Password\0", 9))},
        {base64("Login"), base64("Key")},
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
    server.on("RESPONSE", {"334 " + base64("Password:") + "\r\n", "334 " + base64("Username:") + "\r\n",
                           "501 cancelled\r\n"});
    EXPECT_EQ(talk(with_login, NX_SMTP_AUTH_REPLY_ERROR).lines,
              (lines{"EHLO device.test", "AUTH LOGIN", base64("user"), base64("secret"), "*", "QUIT"}));
}

TEST_F(documented, none_is_switched_to_plain_where_auth_is_listed) {
    const account named{"user", "secret", NX_SMTP_CLIENT_AUTH_NONE};
    EXPECT_EQ(line_of(talk(named).lines, "AUTH"), "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_EQ(line_of(talk({}).lines, "AUTH"), "") << "with nothing to send";
    server.offer({});
    EXPECT_EQ(line_of(talk(named).lines, "AUTH"), "") << "with nothing listed";
}

TEST_F(documented, plain_is_tried_where_nothing_is_listed) {
    for (const auto& offered : {lines{}, lines{"SIZE", "8BITMIME"}}) {
        server.offer(offered);
        for (const auto& who : {with_plain, with_login})
            EXPECT_EQ(line_of(talk(who).lines, "AUTH"), "AUTH PLAIN " + plain("user", "secret"));
    }
}

TEST_F(documented, the_listed_mechanism_is_taken_and_the_choice_is_made_anew) {
    server.on("AUTH", {"334 " + base64("Username:") + "\r\n"});
    server.on("RESPONSE", {"334 " + base64("Password:") + "\r\n", "235 welcome\r\n"});
    server.offer({"AUTH LOGIN"});
    EXPECT_EQ(line_of(talk(with_plain).lines, "AUTH"), "AUTH LOGIN");
    server.usual();
    server.offer({"AUTH PLAIN XOAUTH2"});
    create(with_login);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(line_of(server.heard().lines, "AUTH"), "AUTH PLAIN " + plain("user", "secret"));
    server.offer({"AUTH PLAIN LOGIN"});
    server.on("AUTH", {"334 " + base64("Username:") + "\r\n"});
    server.on("RESPONSE", {"334 " + base64("Password:") + "\r\n", "235 welcome\r\n"});
    EXPECT_EQ(send(), success);
    EXPECT_EQ(line_of(server.heard().lines, "AUTH"), "AUTH LOGIN") << "the same client";
    server.usual();
    server.offer({"auth.example.org LOGIN", "X-AUTH LOGIN"});
    EXPECT_EQ(line_of(talk(with_plain).lines, "AUTH"), "AUTH PLAIN " + plain("user", "secret"))
        << "a host's name lists nothing";
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
    ASSERT_EQ(nx_smtp_client_time_set(&client, [] { return ULONG{951782400}; }), success);
    ASSERT_EQ(send("body\r\n", "<bob@mail.test>", NX_SMTP_MAIL_PRIORITY_NORMAL, "the subject"), success);
    const auto [header, body] = parts(server.heard().contents.at(0));
    EXPECT_EQ(body, "body\r\n");
    const std::regex expected("To: bob@mail.test\r\n"
                              "From: alice@mail.test\r\n"
                              "Subject: the subject\r\n"
                              "Date: Tue, 29 Feb 2000 00:00:00 \\+0000\r\n"
                              "Message-ID: <[0-9a-f]{24}@mail.test>\r\n"
                              "MIME-Version: 1.0\r\n"
                              "Content-Type: text/plain;\r\n"
                              "  charset=\"utf-8\"\r\n"
                              "Content-Transfer-Encoding: 8bit\r\n");
    EXPECT_TRUE(std::regex_match(header, expected)) << header;
}

TEST_F(documented, dates) {
    create();
    static ULONG seconds = 0;
    ASSERT_EQ(nx_smtp_client_time_set(&client, [] { return seconds; }), success);
    const std::vector<std::pair<ULONG, std::string>> dates = {
        {0, "(none)"},
        {1, "Thu, 01 Jan 1970 00:00:01 +0000"},
        {951868799, "Tue, 29 Feb 2000 23:59:59 +0000"},
        {951868800, "Wed, 01 Mar 2000 00:00:00 +0000"},
        {1767225599, "Wed, 31 Dec 2025 23:59:59 +0000"},
        {1767225600, "Thu, 01 Jan 2026 00:00:00 +0000"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 +0000"},
        {4294967295U, "Sun, 07 Feb 2106 06:28:15 +0000"}};
    for (const auto& [at, date] : dates) {
        seconds = at;
        ASSERT_EQ(send(), success);
        EXPECT_EQ(field(parts(server.heard().contents.at(0)).first, "Date"), date);
    }
}

TEST_F(documented, message_ids_differ_and_have_a_domain) {
    create({"", "", NX_SMTP_CLIENT_AUTH_NONE, "local", "device.test"});
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(send(), success);
        ids.push_back(field(parts(server.heard().contents.at(0)).first, "Message-ID"));
        EXPECT_TRUE(ids.back().ends_with("@device.test>")) << ids.back();
    }
    EXPECT_NE(ids[0], ids[1]);
    EXPECT_NE(ids[1], ids[2]);
}

// RFC 2047 2: what is not ASCII goes out as encoded-words of 75 octets at most, characters whole.
TEST_F(documented, a_subject_beyond_ascii_is_encoded) {
    create();
    std::string subject;
    for (int i = 0; i < 40; ++i)
        subject += "a\xE6\x97\xA5\xC3\xBC";
    ASSERT_EQ(send("b\r\n", "bob@mail.test", NX_SMTP_MAIL_PRIORITY_NORMAL, subject.c_str()), success);
    std::string header = parts(server.heard().contents.at(0)).first;
    std::string decoded;
    const std::regex word(R"(=\?utf-8\?B\?([A-Za-z0-9+/]*=*)\?=)");
    const std::string value = field(header, "Subject");
    for (std::sregex_iterator at(value.begin(), value.end(), word), end; at != end; ++at) {
        EXPECT_LE(at->length(), 75);
        std::string coded = (*at)[1];
        std::string text(coded.size(), '\0');
        const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                         reinterpret_cast<const unsigned char*>(coded.data()),
                                         static_cast<int>(coded.size()));
        const auto padding = std::count(coded.begin(), coded.end(), '=');
        text.resize(static_cast<std::size_t>(size - padding));
        EXPECT_NE(static_cast<unsigned char>(text[0]) & 0xC0U, 0x80U) << "a character was cut";
        decoded += text;
    }
    EXPECT_EQ(decoded, subject);
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

TEST_F(documented, priority_as_header_fields_and_mt_priority) {
    const std::vector<std::tuple<UINT, std::string, std::string, std::string>> priorities = {
        {NX_SMTP_MAIL_PRIORITY_LOW, "low", "5", " MT-PRIORITY=-4"},
        {NX_SMTP_MAIL_PRIORITY_NORMAL, "(none)", "(none)", ""},
        {NX_SMTP_MAIL_PRIORITY_HIGH, "high", "1", " MT-PRIORITY=4"},
        {0, "(none)", "(none)", ""},
        {99, "(none)", "(none)", ""}};
    for (const bool listed : {true, false}) {
        server.offer(listed ? lines{"MT-PRIORITY"} : lines{});
        create();
        for (const auto& [priority, importance, number, parameter] : priorities) {
            ASSERT_EQ(send("x\r\n", "bob@mail.test", priority), success);
            const auto heard = server.heard();
            const auto header = parts(heard.contents.at(0)).first;
            EXPECT_EQ(field(header, "Importance"), importance);
            EXPECT_EQ(field(header, "X-Priority"), number);
            EXPECT_EQ(line_of(heard.lines, "MAIL"),
                      "MAIL FROM:<alice@mail.test>" + (listed ? parameter : ""));
        }
    }
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
        for (const char* answer :
             {"450 later\r\n", "550 never\r\n", "421 closing\r\n", "199 what\r\n", "2500 x\r\n"}) {
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

TEST_F(documented, the_smtp_code_wins_and_the_reply_is_readable) {
    create(with_plain);
    const std::vector<std::pair<std::string, UINT>> steps = {
        {"greeting", NX_SMTP_GREET_REPLY_ERROR}, {"EHLO", NX_SMTP_HELLO_REPLY_ERROR},
        {"AUTH", NX_SMTP_AUTH_REPLY_ERROR},      {"MAIL", NX_SMTP_MAIL_REPLY_ERROR},
        {"RCPT", NX_SMTP_RCPT_REPLY_ERROR},      {"DATA", NX_SMTP_DATA_REPLY_ERROR},
        {".", NX_SMTP_MESSAGE_REPLY_ERROR}};
    for (const auto& [step, code] : steps) {
        for (const std::string& answer :
             {"421 4.3.2 going down\r\n" + then_end, "421 4.3.2 going down\r\n" + then_reset,
              "554 4.3.2 going down\r\n" + then_end}) {
            if (step == "greeting" && answer.ends_with(then_reset))
                continue; // may overtake the end of the connect
            server.on(step, {answer});
            EXPECT_EQ(send(), code) << step;
            UINT reply = 0;
            CHAR* text = nullptr;
            UINT length = 0;
            EXPECT_EQ(nx_smtp_client_reply_get(&client, &reply, &text, &length), success);
            EXPECT_EQ(reply, static_cast<UINT>(std::stoi(answer))) << step;
            EXPECT_EQ(std::string(text, length), "4.3.2 going down") << step;
            expect_usable();
        }
    }
    UINT reply = 0;
    CHAR* text = nullptr;
    UINT length = 0;
    EXPECT_EQ(nx_smtp_client_reply_get(&client, &reply, &text, &length), success);
    EXPECT_EQ(reply, 250U);
    EXPECT_EQ(std::string(text, length), "2.0.0 queued as 1");
    server.on("MAIL", {then_end});
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(nx_smtp_client_reply_get(&client, &reply, &text, &length), success);
    EXPECT_EQ(reply, 0U) << "none came";
    EXPECT_EQ(length, 0U);
}

TEST_F(documented, several_clients_in_one_system) {
    create(with_plain);
    smtp_server second(loopback_family);
    auto address = loopback();
    NX_SMTP_CLIENT other{};
    ASSERT_EQ(nxd_smtp_client_create(&other, &ip, &application->control, name("other"), name("word"),
                                     name("carol@mail.test"), name("gadget.test"), NX_SMTP_CLIENT_AUTH_PLAIN,
                                     &address, second.port()),
              success);
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    ASSERT_EQ(nx_smtp_client_session_keep(&other, NX_TRUE), success);
    std::string body = "from carol\r\n";
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(send("from alice\r\n"), success);
        EXPECT_EQ(nx_smtp_mail_send(&other, name("dave@mail.test"), NX_SMTP_MAIL_PRIORITY_NORMAL, name("s"),
                                    body.data(), static_cast<UINT>(body.size())),
                  success);
    }
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    EXPECT_EQ(nx_smtp_client_delete(&other), success);
    EXPECT_EQ(line_of(server.heard().lines, "AUTH"), "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_EQ(line_of(second.heard().lines, "AUTH"), "AUTH PLAIN " + plain("other", "word"));
    EXPECT_EQ(server.heard().contents.size(), 3U);
    EXPECT_EQ(parts(second.heard().contents.at(2)).second, body);
}

TEST_F(documented, replies_of_several_lines_for_every_code) {
    create(with_plain);
    for (const ULONG cut : {ULONG{0}, ULONG{1}, ULONG{7}}) {
        nx_hosted_receive_cut(cut, 0);
        server.on("greeting", {"220-one\r\n220-two\r\n220 three\r\n"});
        server.on("AUTH", {"235-one\r\n235 two\r\n"});
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
