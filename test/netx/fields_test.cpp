// What a full build does for the documented services beyond the minimal one: header fields, priority, the
// reply.
#include "smtp_fixture.hpp"

#include <regex>

namespace {

using namespace test;

class documented_in_full : public smtp {};

TEST_F(documented_in_full, date_and_message_id_in_the_fixed_header) {
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

TEST_F(documented_in_full, dates) {
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

TEST_F(documented_in_full, message_ids_differ_and_have_a_domain) {
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
TEST_F(documented_in_full, a_subject_beyond_ascii_is_encoded) {
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

TEST_F(documented_in_full, priority_as_header_fields_and_mt_priority) {
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

TEST_F(documented_in_full, the_smtp_code_wins_and_the_reply_is_readable) {
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

TEST_F(documented_in_full, several_clients_in_one_system) {
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
    EXPECT_EQ(server.heard().credentials, "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_EQ(second.heard().credentials, "AUTH PLAIN " + plain("other", "word"));
    EXPECT_EQ(server.heard().contents.size(), 3U);
    EXPECT_EQ(parts(second.heard().contents.at(2)).second, body);
}

} // namespace
