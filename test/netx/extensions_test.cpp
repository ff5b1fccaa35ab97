// What goes beyond the guide: one test for each of its constraints that is lifted.
#include "smtp_fixture.hpp"

#include <chrono>
#include <thread>

namespace {

using namespace test;

class extensions : public smtp {
  protected:
    void add(const char* address, UINT type) {
        ASSERT_EQ(nx_smtp_client_recipient_add(&client, name(address), type), success) << address;
    }
    std::pair<UINT, UINT> outcome(UINT index) {
        UINT what = 99;
        UINT code = 99;
        EXPECT_EQ(nx_smtp_client_outcome_get(&client, index, &what, &code), success);
        return {what, code};
    }
    std::pair<UINT, std::string> reply() {
        UINT code = 99;
        CHAR* text = nullptr;
        UINT length = 0;
        EXPECT_EQ(nx_smtp_client_reply_get(&client, &code, &text, &length), success);
        return {code, std::string(text, length)};
    }

    NX_SMTP_RECIPIENT memory[6]{};
};

// An older server takes no initial response: that is tried once, and known from then on.
TEST_F(extensions, plain_takes_two_steps_where_one_is_not_understood) {
    server.on("AUTH", {"501 5.5.4 AUTH PLAIN takes no argument\r\n", "334 \r\n"});
    server.on("RESPONSE", {"235 welcome\r\n"});
    create(with_plain);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.heard().credentials, "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_EQ(send(), success);
    const auto heard = server.heard().lines;
    EXPECT_EQ(lines(heard.begin() + 1, heard.begin() + 3), (lines{"AUTH PLAIN", plain("user", "secret")}));
}

TEST_F(extensions, recipients_to_cc_and_bcc) {
    create();
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, memory, 6), success);
    add("<carol@mail.test>", NX_SMTP_RECIPIENT_CC);
    add("dave@mail.test", NX_SMTP_RECIPIENT_TO);
    add("hidden@mail.test", NX_SMTP_RECIPIENT_BCC);
    add("erin@mail.test", NX_SMTP_RECIPIENT_CC);
    add("hidden2@mail.test", NX_SMTP_RECIPIENT_BCC);
    EXPECT_EQ(nx_smtp_client_recipient_add(&client, name("one@too.many"), NX_SMTP_RECIPIENT_TO),
              UINT{NX_SIZE_ERROR});
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(send(), success);
        const auto heard = server.heard();
        EXPECT_EQ(
            lines(heard.lines.begin() + 2, heard.lines.begin() + 8),
            (lines{"RCPT TO:<bob@mail.test>", "RCPT TO:<carol@mail.test>", "RCPT TO:<dave@mail.test>",
                   "RCPT TO:<hidden@mail.test>", "RCPT TO:<erin@mail.test>", "RCPT TO:<hidden2@mail.test>"}));
        const auto header = parts(heard.contents.at(0)).first;
        EXPECT_EQ(field(header, "To"), "bob@mail.test,\r\n dave@mail.test");
        EXPECT_EQ(field(header, "Cc"), "carol@mail.test,\r\n erin@mail.test");
        EXPECT_EQ(header.find("hidden"), std::string::npos);
        EXPECT_EQ(header.find("Bcc"), std::string::npos);
        for (UINT at = 0; at < 6; ++at)
            EXPECT_EQ(outcome(at), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_DELIVERED, 250}));
    }
    UINT none = 0;
    EXPECT_EQ(nx_smtp_client_outcome_get(&client, 6, &none, &none), UINT{NX_SMTP_INVALID_PARAM});
    ASSERT_EQ(nx_smtp_client_recipients_clear(&client), success);
    ASSERT_EQ(send(), success);
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "MAIL", "RCPT", "DATA", "QUIT"}));
}

TEST_F(extensions, each_recipient_has_an_outcome) {
    create();
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, memory, 6), success);
    add("carol@mail.test", NX_SMTP_RECIPIENT_TO);
    add("dave@mail.test", NX_SMTP_RECIPIENT_BCC);
    server.on("RCPT", {"250 ok\r\n", "550 5.1.1 unknown\r\n", "450 later\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
    EXPECT_EQ(server.heard().contents.size(), 1U) << "sent to the one that was accepted";
    EXPECT_EQ(outcome(0), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_DELIVERED, 250}));
    EXPECT_EQ(outcome(1), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_PERMANENT, 550}));
    EXPECT_EQ(outcome(2), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_TRANSIENT, 450}));
    server.on("RCPT", {"550 no\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
    EXPECT_EQ(line_of(server.heard().lines, "DATA"), "") << "nobody to send it to";
    server.usual();
    server.on(".", {then_end});
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(outcome(0), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_IN_DOUBT, 0}));
    EXPECT_EQ(outcome(2), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_IN_DOUBT, 0}));
    server.on("DATA", {then_end});
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(outcome(0), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_TRANSIENT, 0})) << "provably not accepted";
}

TEST_F(extensions, a_failed_connection_leaves_nothing_of_the_mail_before) {
    create();
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, memory, 6), success);
    add("carol@mail.test", NX_SMTP_RECIPIENT_TO);
    ASSERT_EQ(send(), success);
    nx_hosted_redirect(nullptr, 0, unused_port());
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{0, ""}));
    EXPECT_EQ(outcome(0), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_NOT_SENT, 0}));
    EXPECT_EQ(outcome(1), (std::pair<UINT, UINT>{NX_SMTP_OUTCOME_NOT_SENT, 0}));
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{0, ""}));
    nx_hosted_redirect(nullptr, 0, server.port());
    expect_usable();
}

TEST_F(extensions, recipients_that_cannot_be_added) {
    create();
    EXPECT_EQ(nx_smtp_client_recipient_add(&client, name("a@b"), NX_SMTP_RECIPIENT_TO), UINT{NX_SIZE_ERROR})
        << "no memory was lent";
    EXPECT_EQ(nx_smtp_client_recipients_set(&client, nullptr, 3), UINT{NX_PTR_ERROR});
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, memory, 2), success);
    for (const char* bad : {"a\r\nb@c", "a>@b", "", "a b@c"})
        EXPECT_EQ(nx_smtp_client_recipient_add(&client, name(bad), NX_SMTP_RECIPIENT_TO),
                  UINT{NX_SMTP_INVALID_PARAM});
    for (const UINT type : {UINT{0}, UINT{3}, UINT{7}, UINT{8}})
        EXPECT_EQ(nx_smtp_client_recipient_add(&client, name("a@b"), type), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(nx_smtp_client_recipient_add(&client, nullptr, NX_SMTP_RECIPIENT_TO), UINT{NX_PTR_ERROR});
    add("a@b", NX_SMTP_RECIPIENT_TO);
    EXPECT_EQ(nx_smtp_client_recipient_add(&client, name("a@b"), NX_SMTP_RECIPIENT_TO), UINT{NX_SIZE_ERROR});
    // Memory of no room at all is never written to.
    memory[0] = {};
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, memory, 0), success);
    EXPECT_EQ(send(), success);
    for (const auto word : memory[0].nx_smtp_recipient_engine)
        EXPECT_EQ(word, 0U);
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, nullptr, 0), success);
    EXPECT_EQ(send(), success);
}

TEST_F(extensions, one_connection_kept_for_several_mails) {
    create(with_plain);
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(send("mail " + std::to_string(i) + "\r\n"), success);
    EXPECT_EQ(server.connections(), 1);
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_FALSE), success);
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "AUTH", "MAIL", "RCPT", "DATA", "MAIL", "RCPT", "DATA",
                                            "MAIL", "RCPT", "DATA", "QUIT"}));
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.connections(), 2);
    EXPECT_TRUE(server.heard().quit);
}

TEST_F(extensions, a_kept_session_survives_a_refusal) {
    create();
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    server.on("RCPT", {"550 no\r\n", "250 ok\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
    EXPECT_EQ(send(), success);
    server.on("MAIL", {"451 later\r\n", "250 ok\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_MAIL_REPLY_ERROR});
    EXPECT_EQ(send(), success);
    server.on(".", {"554 spam\r\n", "250 ok\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_MESSAGE_REPLY_ERROR});
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    EXPECT_TRUE(server.heard().quit) << "deleting takes leave";
}

TEST_F(extensions, a_dead_kept_session_is_made_anew) {
    create(with_plain);
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    int connections = 0;
    for (const std::string& end :
         {then_end, "421 idle too long\r\n" + then_end, then_reset, "421 idle too long\r\n" + then_reset}) {
        server.on(".", {"250 queued\r\n" + end, "250 queued\r\n"});
        EXPECT_EQ(send(), success);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        EXPECT_EQ(send(), success);
        connections += connections == 0 ? 2 : 1;
        EXPECT_EQ(server.connections(), connections);
    }
    server.on("MAIL", {then_end, "250 ok\r\n"});
    EXPECT_EQ(send(), success) << "it died as it was used";
    server.on("MAIL", {"421 too many\r\n" + then_end, "250 ok\r\n"});
    EXPECT_EQ(send(), success);
    server.on("MAIL", {then_end});
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED}) << "once, not for ever";
    server.usual();
    server.on("RCPT", {then_end});
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED}) << "a new one that breaks is an error";
    expect_usable_kept();
}

TEST_F(extensions, a_dead_kept_session_with_a_server_that_drops_ehlo) {
    create();
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    server.on("EHLO", {then_end});
    server.on(".", {"250 queued\r\n" + then_end});
    EXPECT_EQ(send(), success);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.accepted().size(), 2U);
}

TEST_F(extensions, what_nobody_asked_for_is_not_the_answer_to_what_comes_next) {
    create();
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    EXPECT_EQ(send(), success);
    server.interject("250 ok\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_NE(send(), success);
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "MAIL", "RCPT", "DATA"})) << "nothing more was said";
    expect_usable_kept();
}

TEST_F(extensions, raw_messages) {
    create();
    std::string message = "X-Own: 1\r\nSubject: mine\r\n\r\n.dot\r\nno end";
    EXPECT_EQ(nx_smtp_mail_send_raw(&client, name("<bob@mail.test>"), message.data(),
                                    static_cast<ULONG>(message.size())),
              success);
    EXPECT_EQ(without_dots(server.heard().contents.at(0)), message + "\r\n");
    EXPECT_EQ(nx_smtp_mail_send_raw(&client, name("bob"), message.data(), 0), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(nx_smtp_mail_send_raw(&client, nullptr, message.data(), 1), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_mail_send_raw(&client, name("bob"), nullptr, 1), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_mail_send_raw(&client, name("b\nob"), message.data(), 1), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(extensions, a_nul_in_a_content_is_refused_without_an_end_of_it) {
    create();
    const std::string body("one\r\n\0two\r\n", 11);
    EXPECT_EQ(send(body), UINT{NX_SMTP_CONTENT_ERROR});
    EXPECT_TRUE(server.heard().contents.empty());
    EXPECT_EQ(outcome(0).first, UINT{NX_SMTP_OUTCOME_PERMANENT});
    expect_usable();
}

// A body in pieces.
struct log_of_a_sensor {
    std::vector<std::string> pieces;
    std::size_t next = 0;
    std::size_t give_up_at = 1000;
    std::string lent;

    static UINT read(VOID* context, CHAR** data, ULONG* length) {
        auto& self = *static_cast<log_of_a_sensor*>(context);
        if (self.next == self.give_up_at)
            return NX_NOT_SUCCESSFUL;
        self.lent = self.next < self.pieces.size() ? self.pieces[self.next] : "";
        ++self.next;
        *data = self.lent.data();
        *length = static_cast<ULONG>(self.lent.size());
        return NX_SUCCESS;
    }
};

TEST_F(extensions, a_streamed_body) {
    create();
    log_of_a_sensor log;
    std::string all;
    for (int i = 0; i < 900; ++i) {
        log.pieces.push_back(i % 3 == 0   ? ".\r"
                             : i % 3 == 1 ? "\n. 21.5 C\r\n"
                                          : std::string(200, 'x') + "\n");
        all += log.pieces.back();
    }
    EXPECT_EQ(nx_smtp_mail_send_stream(&client, name("bob@mail.test"), NX_SMTP_MAIL_PRIORITY_HIGH,
                                       name("log"), log_of_a_sensor::read, &log),
              success);
    const auto [header, body] = parts(server.heard().contents.at(0));
    EXPECT_EQ(body, canonical(all));
    EXPECT_EQ(field(header, "Importance"), "high");
    EXPECT_EQ(line_of(server.heard().lines, "MAIL"), "MAIL FROM:<alice@mail.test> BODY=8BITMIME")
        << "no size is known";
    log_of_a_sensor nothing;
    EXPECT_EQ(nx_smtp_mail_send_stream(&client, name("bob@mail.test"), 0, name("log"), log_of_a_sensor::read,
                                       &nothing),
              success);
    EXPECT_EQ(parts(server.heard().contents.at(0)).second, "");
}

TEST_F(extensions, a_stream_that_gives_up_sends_no_message) {
    create();
    for (const std::size_t at : {std::size_t{0}, std::size_t{1}, std::size_t{5}, std::size_t{50}}) {
        log_of_a_sensor log;
        log.pieces.assign(100, std::string(199, 'x') + "\n");
        log.give_up_at = at;
        EXPECT_EQ(nx_smtp_mail_send_stream(&client, name("bob@mail.test"), 0, name("log"),
                                           log_of_a_sensor::read, &log),
                  UINT{NX_SMTP_CONTENT_ERROR});
        EXPECT_TRUE(server.heard().contents.empty()) << "the end of the content went out";
        EXPECT_LE(outcome(0).first, UINT{NX_SMTP_OUTCOME_PERMANENT}) << "provably not accepted";
        EXPECT_TRUE(server.accepted().empty());
    }
    expect_usable();
    const auto without_data = [](VOID*, CHAR** data, ULONG* length) -> UINT {
        *data = nullptr;
        *length = 7;
        return NX_SUCCESS;
    };
    EXPECT_EQ(nx_smtp_mail_send_stream(&client, name("bob@mail.test"), 0, name("log"), without_data, nullptr),
              UINT{NX_SMTP_CONTENT_ERROR});
    EXPECT_EQ(nx_smtp_mail_send_stream(&client, name("bob"), 0, name("log"), nullptr, nullptr),
              UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_mail_send_stream(&client, name("bob"), 0, nullptr, log_of_a_sensor::read, nullptr),
              UINT{NX_PTR_ERROR});
}

TEST_F(extensions, verify_expand_and_etrn) {
    create();
    server.on("VRFY", {"250 Bob <bob@mail.test>\r\n"});
    server.on("EXPN", {"250-one@mail.test\r\n250 two@mail.test\r\n"});
    server.on("ETRN", {"458 not now\r\n"});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), success);
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{250, "Bob <bob@mail.test>"}));
    EXPECT_EQ(server.heard().lines, (lines{"EHLO device.test", "VRFY bob", "QUIT"}));
    EXPECT_EQ(nx_smtp_client_expand(&client, name("list")), success);
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{250, "one@mail.test\ntwo@mail.test"}));
    EXPECT_EQ(nx_smtp_client_etrn(&client, name("mail.test")), UINT{NX_SMTP_SERVER_ERROR_CODE_RECEIVED});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{458, "not now"}));
    server.on("VRFY", {"252 cannot say\r\n"});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), success);
    EXPECT_EQ(reply().first, 252U);
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), success);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), success);
    EXPECT_EQ(words(server.now()), (lines{"EHLO", "VRFY", "MAIL", "RCPT", "DATA", "VRFY"}));
}

TEST_F(extensions, a_question_that_cannot_be_asked) {
    create(with_plain);
    for (const std::string& bad : {std::string("bob\r\nRSET"), std::string("b\nob"), std::string("b\tob"),
                                   std::string(""), std::string(600, 'x')})
        EXPECT_EQ(nx_smtp_client_verify(&client, name(bad.c_str())), UINT{NX_SMTP_INVALID_PARAM}) << bad;
    EXPECT_EQ(nx_smtp_client_expand(&client, name("a\n")), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(nx_smtp_client_etrn(&client, name("a\n")), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(nx_smtp_client_verify(&client, nullptr), UINT{NX_PTR_ERROR});
    EXPECT_EQ(server.connections(), 0) << "nothing was sent";
    server.on("AUTH", {"535 5.7.8 wrong\r\n"});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), UINT{NX_SMTP_AUTH_REPLY_ERROR});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{535, "5.7.8 wrong"})) << "not the reply to QUIT";
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "AUTH", "QUIT"}));
    server.on("AUTH", {"421 closing\r\n" + then_end});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), UINT{NX_SMTP_AUTH_REPLY_ERROR});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{421, "closing"}));
    server.usual();
    server.on("VRFY", {then_end});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{0, ""}));
    server.on("VRFY", {"421 closing\r\n" + then_end});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), UINT{NX_SMTP_SERVER_ERROR_CODE_RECEIVED});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{421, "closing"}));
    expect_usable();
}

TEST_F(extensions, a_question_on_a_kept_session_that_died) {
    create();
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    server.on(".", {"250 queued\r\n" + then_end});
    EXPECT_EQ(send(), success);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    server.on("VRFY", {"252 perhaps\r\n"});
    EXPECT_EQ(nx_smtp_client_verify(&client, name("bob")), success);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(extensions, size_is_declared_and_checked_before_data) {
    create();
    server.offer({"SIZE 1000"});
    ASSERT_EQ(send("x\r\n"), success);
    const auto heard = server.heard();
    EXPECT_EQ(line_of(heard.lines, "MAIL"), "MAIL FROM:<alice@mail.test> SIZE=" +
                                                std::to_string(without_dots(heard.contents.at(0)).size()));
    EXPECT_EQ(send(std::string(2000, 'x')), UINT{NX_SMTP_OVERSIZE_MAIL_DATA});
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "QUIT"})) << "known before MAIL";
    EXPECT_EQ(outcome(0).first, UINT{NX_SMTP_OUTCOME_PERMANENT});
    server.offer({"SIZE"});
    server.on("MAIL", {"552 5.3.4 too large\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_MAIL_REPLY_ERROR});
    EXPECT_EQ(reply(), (std::pair<UINT, std::string>{552, "5.3.4 too large"}));
    server.usual();
    server.offer({"SIZE 1000"});
    std::string message = "Subject: raw\r\n\r\n" + std::string(100, 'x') + "\r\n";
    EXPECT_EQ(nx_smtp_mail_send_raw(&client, name("bob"), message.data(), static_cast<ULONG>(message.size())),
              success);
    EXPECT_EQ(line_of(server.heard().lines, "MAIL"),
              "MAIL FROM:<alice@mail.test> SIZE=" + std::to_string(message.size()));
}

TEST_F(extensions, credentials_of_any_length) {
    const std::string user = std::string(300, 'u') + "@mail.test";
    const std::string password(200, 'p');
    create({"short", "word", NX_SMTP_CLIENT_AUTH_PLAIN});
    ASSERT_EQ(nx_smtp_client_credentials_set(&client, name(user.c_str()), name(password.c_str())), success);
    server.on("AUTH", {"334 \r\n"});
    EXPECT_EQ(send(), success);
    const auto heard = server.heard();
    EXPECT_EQ(heard.lines[1], "AUTH PLAIN") << "longer than a command may be: after the 334 (RFC 4954 4)";
    EXPECT_EQ(heard.lines[2], plain(user, password));
    server.on("RESPONSE", {"334 \r\n", "501 cancelled\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_AUTH_REPLY_ERROR});
    EXPECT_EQ(server.heard().lines[3], "*");
    create({"short", "word", NX_SMTP_CLIENT_AUTH_LOGIN});
    ASSERT_EQ(nx_smtp_client_credentials_set(&client, name(user.c_str()), name(password.c_str())), success);
    server.on("AUTH", {"334 " + base64("Username:") + "\r\n"});
    server.on("RESPONSE", {"334 " + base64("Password:") + "\r\n", "235 welcome\r\n"});
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.heard().lines[3], base64(password));
    EXPECT_EQ(nx_smtp_client_credentials_set(&client, nullptr, name("x")), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_credentials_set(&client, name("x"), nullptr), UINT{NX_PTR_ERROR});
}

TEST_F(extensions, pipelining_shortens_the_dialogue_and_changes_nothing_else) {
    create();
    ASSERT_EQ(nx_smtp_client_recipients_set(&client, memory, 6), success);
    add("carol@mail.test", NX_SMTP_RECIPIENT_CC);
    add("dave@mail.test", NX_SMTP_RECIPIENT_CC);
    server.offer({"PIPELINING"});
    EXPECT_EQ(send(), success);
    server.on("RCPT", {"250 ok\r\n", "550 no\r\n", "250 ok\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
    EXPECT_EQ(outcome(0).first, UINT{NX_SMTP_OUTCOME_DELIVERED});
    EXPECT_EQ(outcome(1).first, UINT{NX_SMTP_OUTCOME_PERMANENT});
    EXPECT_EQ(outcome(2).first, UINT{NX_SMTP_OUTCOME_DELIVERED});
    server.on("RCPT", {"550 no\r\n"});
    server.on("DATA", {"554 nobody\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
    server.on("MAIL", {"550 not you\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_MAIL_REPLY_ERROR});
}

TEST_F(extensions, no_client_no_service) {
    NX_SMTP_CLIENT none{};
    std::string text = "x";
    UINT value = 0;
    constexpr UINT not_created = NX_SMTP_CLIENT_NOT_INTIALIZED;
    EXPECT_EQ(nx_smtp_client_recipients_set(&none, memory, 2), not_created);
    EXPECT_EQ(nx_smtp_client_recipient_add(&none, name("a@b"), NX_SMTP_RECIPIENT_TO), not_created);
    EXPECT_EQ(nx_smtp_client_recipients_clear(&none), not_created);
    EXPECT_EQ(nx_smtp_client_outcome_get(&none, 0, &value, &value), not_created);
    EXPECT_EQ(nx_smtp_client_session_keep(&none, NX_TRUE), not_created);
    EXPECT_EQ(nx_smtp_client_session_keep(&none, NX_FALSE), not_created);
    EXPECT_EQ(nx_smtp_client_credentials_set(&none, name("a"), name("b")), not_created);
    EXPECT_EQ(nx_smtp_client_time_set(&none, nullptr), not_created);
    EXPECT_EQ(nx_smtp_client_secure_set(&none, NX_SMTP_CLIENT_NO_TLS, nullptr), not_created);
    EXPECT_EQ(nx_smtp_mail_send_raw(&none, name("a"), text.data(), 1), not_created);
    EXPECT_EQ(nx_smtp_mail_send_stream(&none, name("a"), 0, name("s"), log_of_a_sensor::read, nullptr),
              not_created);
    EXPECT_EQ(nx_smtp_client_verify(&none, name("a")), not_created);
    EXPECT_EQ(nx_smtp_client_expand(&none, name("a")), not_created);
    EXPECT_EQ(nx_smtp_client_etrn(&none, name("a")), not_created);
    EXPECT_EQ(nx_smtp_client_reply_get(&none, &value, nullptr, nullptr), not_created);
    EXPECT_EQ(nx_smtp_client_recipients_clear(nullptr), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_verify(nullptr, name("a")), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_outcome_get(nullptr, 0, nullptr, nullptr), UINT{NX_PTR_ERROR});
}

TEST_F(extensions, what_waits_is_for_threads_only) {
    create();
    struct calls {
        extensions* test;
        NX_SMTP_CLIENT* client;
    } both{this, &client};
    for (const UINT context : {TX_HOSTED_INITIALISATION, TX_HOSTED_TIMER, TX_HOSTED_INTERRUPT}) {
        tx_hosted_call_as(
            context,
            [](VOID* input) {
                NX_SMTP_CLIENT* const c = static_cast<calls*>(input)->client;
                log_of_a_sensor log;
                std::string text = "x";
                constexpr UINT refused = NX_CALLER_ERROR;
                EXPECT_EQ(nx_smtp_mail_send_raw(c, name("a"), text.data(), 1), refused);
                EXPECT_EQ(nx_smtp_mail_send_stream(c, name("a"), 0, name("s"), log_of_a_sensor::read, &log),
                          refused);
                EXPECT_EQ(nx_smtp_client_verify(c, name("a")), refused);
                EXPECT_EQ(nx_smtp_client_expand(c, name("a")), refused);
                EXPECT_EQ(nx_smtp_client_etrn(c, name("a")), refused);
                EXPECT_EQ(nx_smtp_client_session_keep(c, NX_FALSE), refused);
                EXPECT_EQ(nx_smtp_client_session_keep(c, NX_TRUE), success) << "this one does not wait";
            },
            &both);
    }
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(extensions, cryptography_is_for_builds_that_need_it) {
    create();
    const auto done = [](VOID*, const UCHAR*, UINT) { return success; };
    const NX_SMTP_CLIENT_CRYPTO crypto{NX_NULL, [](VOID*, UINT, const UCHAR*, UINT) { return success; },
                                       done,    [](VOID*, UCHAR*) { return success; },
                                       NX_NULL, NX_NULL};
    EXPECT_EQ(nx_smtp_client_crypto_set(&client, &crypto), UINT{NX_NOT_SUPPORTED});
}

} // namespace
