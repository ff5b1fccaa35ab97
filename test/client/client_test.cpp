// The client against the house's own mail server: what works, end to end, over every kind of line.
#include "postrider/client.hpp"
#include "sink/sink.hpp"
#include "support.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>

using namespace postrider;
using namespace postrider::test;
namespace asio = boost::asio;

namespace {

constexpr std::string_view password = "correct horse; battery=staple";

// A sink, what it received, and how to reach it.
class running_sink {
  public:
    explicit running_sink(sink::config c = {}) : server_(prepared(std::move(c))) { server_.run_in_thread(); }
    ~running_sink() { server_.stop(); }

    std::uint16_t port() const { return server_.port(); }
    sink::server& server() { return server_; }
    std::vector<sink::received> mails() const {
        const std::lock_guard lock(mutex_);
        return mails_;
    }
    client_options options(tls_policy tls) const {
        client_options o = options_for(server_.port(), tls);
        o.server.host = "localhost";
        o.tls.ca_file = ca_;
        return o;
    }

  private:
    sink::config prepared(sink::config c) {
        if (c.listen.empty() && c.unix_paths.empty()) {
            c.listen = {"127.0.0.1:0"};
        }
        c.keep_content = true;
        c.on_message = [this](const sink::received& r) {
            const std::lock_guard lock(mutex_);
            mails_.push_back(r);
        };
        return c;
    }

    mutable std::mutex mutex_;
    std::vector<sink::received> mails_;
    temporary_folder folder_;
    sink::server server_;
    std::string ca_ = folder_.file_with("ca.pem", server_.ca_pem());
};

sink::config with_tls(sink::tls_mode mode) {
    sink::config c;
    c.tls = mode;
    return c;
}

sink::config with_user(sink::tls_mode mode) {
    sink::config c = with_tls(mode);
    c.user = "alice";
    c.password = password;
    return c;
}

credentials alice(std::string_view secret_text = password, std::string mechanism = "") {
    credentials c;
    c.user = "alice";
    c.password = secret(secret_text);
    c.mechanism = std::move(mechanism);
    return c;
}

std::string base64_of(std::string_view octets) {
    std::string out;
    for (std::size_t i = 0; i < octets.size(); i += 3) {
        char four[4];
        const std::string_view group = octets.substr(i, 3);
        base64_encode_group(group.data(), static_cast<unsigned>(group.size()), four);
        out.append(four, 4);
    }
    return out;
}

std::string hex_of(std::string_view octets) {
    std::string out;
    for (const char c : octets) {
        out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

TEST(Client, SendsAMessageByteForByte) {
    running_sink s;
    blocking_client c(s.options(tls_policy::none));
    const std::string text = "Subject: dots\r\n\r\n.\r\n..\r\nbare lf\nbare cr\rend";
    const send_result r = c.send(mail_to({"a@example.org", "b@example.org"}, text));
    ASSERT_TRUE(r.ok()) << explain(r);
    EXPECT_TRUE(r.all_delivered());
    ASSERT_EQ(s.mails().size(), 1U);
    EXPECT_EQ(s.mails()[0].content, "Subject: dots\r\n\r\n.\r\n..\r\nbare lf\r\nbare cr\r\nend\r\n");
    EXPECT_EQ(s.mails()[0].envelope.reverse_path, "sender@example.org");
    EXPECT_EQ(s.mails()[0].envelope.recipients.size(), 2U);
    EXPECT_EQ(s.mails()[0].envelope.size, 47U);
    EXPECT_EQ(s.mails()[0].client_name, "localhost");
    EXPECT_EQ(r.recipients[0].code, 250);
    EXPECT_TRUE(c.quit().ok());
}

TEST(Client, WhatNeedsMendingIsMendedWhicheverWayItIsLent) {
    running_sink s;
    const std::pair<std::string, std::string> texts[] = {
        {"a\r\nb\r\n", "a\r\nb\r\n"}, {"a\nb\r\n", "a\r\nb\r\n"}, {"a\rb\r\n", "a\r\nb\r\n"},
        {"a\r\nb", "a\r\nb\r\n"},     {"a\r\nb\r", "a\r\nb\r\n"}, {".\r\n..\r\n", ".\r\n..\r\n"}};
    const temporary_folder folder;
    std::size_t sent = 0;
    for (const bool chunks : {true, false}) {
        client_options o = s.options(tls_policy::none);
        o.use_chunking = chunks;
        blocking_client c(o);
        for (const auto& [text, on_the_wire] : texts) {
            const std::string whole = "Subject: x\r\n\r\n" + text;
            const auto file = content::from_file(folder.file_with("mail.eml", whole));
            ASSERT_TRUE(file);
            for (const content& each : {content(whole), content::lent(whole), *file}) {
                outgoing mail = mail_to({"a@example.org"});
                mail.content = each;
                const send_result r = c.send(std::move(mail));
                ASSERT_TRUE(r.ok()) << explain(r);
                ASSERT_EQ(s.mails().size(), ++sent);
                EXPECT_EQ(s.mails().back().content, "Subject: x\r\n\r\n" + on_the_wire);
            }
        }
    }
}

class EveryLine : public testing::TestWithParam<std::pair<tls_policy, sink::tls_mode>> {};

TEST_P(EveryLine, CarriesAuthenticatedMail) {
    running_sink s(with_user(GetParam().second));
    client_options o = s.options(GetParam().first);
    o.credentials = alice();
    for (const char* mechanism : {"", "PLAIN", "login"}) {
        o.credentials->mechanism = mechanism;
        blocking_client c(o);
        const send_result r = c.send(mail_to({"a@example.org"}));
        ASSERT_TRUE(r.ok()) << mechanism << ": " << explain(r);
        EXPECT_TRUE(r.connection->tls_verified);
        EXPECT_EQ(r.connection->tls_version, "TLSv1.3");
        EXPECT_TRUE(r.connection->authenticated);
        EXPECT_EQ(s.mails().back().user, "alice");
        EXPECT_EQ(s.mails().back().protocol, "ESMTPSA");
    }
    EXPECT_EQ(s.mails().size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Client, EveryLine,
                         testing::Values(std::pair{tls_policy::implicit, sink::tls_mode::implicit},
                                         std::pair{tls_policy::required, sink::tls_mode::starttls},
                                         std::pair{tls_policy::opportunistic, sink::tls_mode::starttls}));

TEST(Client, SaysWhatItKnowsOfTheConnection) {
    running_sink s(with_user(sink::tls_mode::starttls));
    client_options o = s.options(tls_policy::required);
    o.credentials = alice();
    blocking_client c(o);
    const status r = c.connect();
    ASSERT_TRUE(r.ok()) << explain(r);
    const connection_info& info = *r.connection;
    EXPECT_EQ(info.peer, "127.0.0.1:" + std::to_string(s.port()));
    ASSERT_TRUE(info.certificate != nullptr);
    EXPECT_EQ(info.certificate->sha256.size(), 64U);
    EXPECT_NE(std::find(info.certificate->names.begin(), info.certificate->names.end(), "localhost"),
              info.certificate->names.end());
    EXPECT_GT(info.certificate->not_after, std::chrono::system_clock::now());
    const auto lists = [](const std::string& lines, const std::string& keyword) {
        return (lines + '\n').find('\n' + keyword + '\n') != std::string::npos;
    };
    EXPECT_TRUE(lists(info.ehlo_before_tls, "STARTTLS"));
    EXPECT_FALSE(lists(info.ehlo, "STARTTLS"));
    EXPECT_TRUE(lists(info.ehlo, "PIPELINING"));
    EXPECT_TRUE(info.capabilities.has(keyword::pipelining));
    std::string steps;
    for (const timed_step& step : info.steps) {
        steps += step.what + " ";
    }
    EXPECT_EQ(steps, "resolve connect greeting EHLO STARTTLS tls EHLO AUTH ");
}

TEST(Client, RefusesWhatIsNotVerified) {
    running_sink s(with_user(sink::tls_mode::starttls));
    client_options o = s.options(tls_policy::required);
    o.credentials = alice();
    o.tls.ca_file.clear();
    const send_result refused = blocking_client(o).send(mail_to({"a@example.org"}));
    EXPECT_EQ(refused.error, errc::tls_certificate);
    EXPECT_EQ(refused.at, stage::starttls);
    EXPECT_EQ(refused.recipients[0].outcome, disposition::permanent);
    EXPECT_FALSE(refused.detail.empty());
    ASSERT_TRUE(refused.connection->certificate != nullptr) << "whose certificate it was is told";

    o.server.tls = tls_policy::opportunistic;
    EXPECT_EQ(blocking_client(o).send(mail_to({"a@example.org"})).error, errc::auth_needs_tls);
    o.tls.verify = false;
    EXPECT_EQ(blocking_client(o).send(mail_to({"a@example.org"})).error, errc::auth_needs_tls);
    o.allow_auth_in_clear = true;
    const send_result allowed = blocking_client(o).send(mail_to({"a@example.org"}));
    EXPECT_TRUE(allowed.ok()) << explain(allowed);
    EXPECT_FALSE(allowed.connection->tls_verified);
    EXPECT_FALSE(allowed.connection->tls_problem.empty());
    EXPECT_EQ(s.mails().size(), 1U);
}

TEST(Client, NeverSendsUnauthenticatedInSilence) {
    running_sink open;
    client_options o = open.options(tls_policy::none);
    o.credentials = alice();
    EXPECT_EQ(blocking_client(o).send(mail_to({"a@example.org"})).error, errc::auth_unavailable);

    running_sink s(with_user(sink::tls_mode::implicit));
    o = s.options(tls_policy::implicit);
    o.credentials = alice("wrong");
    const send_result r = blocking_client(o).send(mail_to({"a@example.org"}));
    EXPECT_EQ(r.error, errc::auth_refused);
    EXPECT_EQ(r.at, stage::auth);
    EXPECT_EQ(r.code, 535);
    EXPECT_EQ(r.recipients[0].outcome, disposition::permanent);
    EXPECT_TRUE(open.mails().empty());
    EXPECT_TRUE(s.mails().empty());
}

TEST(Client, KeepsSecretsOutOfTheTranscript) {
    for (const char* mechanism : {"PLAIN", "LOGIN"}) {
        for (const bool initial : {true, false}) {
            running_sink s(with_user(sink::tls_mode::implicit));
            client_options o = s.options(tls_policy::implicit);
            o.credentials = alice(password, mechanism);
            o.initial_response = initial;
            std::string all;
            o.transcript = [&all](const transcript_line& l) {
                EXPECT_TRUE(l.tls);
                all += std::string(l.sent ? "~> " : "<~ ") + std::string(l.text) + "\n";
            };
            blocking_client c(o);
            ASSERT_TRUE(c.send(mail_to({"a@example.org"})).ok());
            ASSERT_TRUE(c.quit().ok());
            const std::string plain = std::string("\0alice\0", 7) + std::string(password);
            for (const std::string& form : {std::string(password), base64_of(password), hex_of(password),
                                            base64_of(plain), hex_of(plain), base64_of("alice")}) {
                EXPECT_EQ(all.find(form), std::string::npos) << form << " in\n" << all;
            }
            EXPECT_NE(all.find("********\n"), std::string::npos) << all;
            EXPECT_NE(all.find("~> MAIL FROM:<sender@example.org>"), std::string::npos) << all;
            EXPECT_NE(all.find("[26 octets of content]"), std::string::npos) << all;
            EXPECT_NE(all.find("~> QUIT\n<~ 221 "), std::string::npos) << all;
        }
    }
}

TEST(Client, TakesCallbacksFuturesAndCoroutines) {
    running_sink s;
    asio::io_context context;
    client c(context.get_executor(), s.options(tls_policy::none));
    unsigned done = 0;
    c.async_send(mail_to({"callback@example.org"}), [&](const send_result& r) { done += r.ok() ? 1 : 0; });
    const outgoing mail = mail_to({"coroutine@example.org"}); // g++ 12 cannot build it within the co_await
    asio::co_spawn(
        context,
        [&]() -> asio::awaitable<void> {
            const status up = co_await c.async_connect(asio::use_awaitable);
            const send_result r = co_await c.async_send(mail, asio::use_awaitable);
            const status answer = co_await c.async_ask(query::noop, "", asio::use_awaitable);
            done += up.ok() && r.ok() && answer.code == 250 ? 1 : 0;
        },
        asio::detached);
    std::future<send_result> future = c.async_send(mail_to({"future@example.org"}), asio::use_future);
    std::thread runner([&context] { context.run(); });
    EXPECT_TRUE(future.get().ok());
    runner.join(); // run() returns although the session is kept: an idle line is no work
    EXPECT_EQ(done, 2U);
    EXPECT_EQ(s.mails().size(), 3U);
    EXPECT_EQ(s.server().counted().connections, 1U) << "one session for all of them";
}

TEST(Client, ReopensAKeptSessionThatTheServerClosed) {
    sink::config quick;
    quick.idle_timeout = std::chrono::milliseconds(50);
    running_sink s(quick);
    blocking_client c(s.options(tls_policy::none));
    ASSERT_TRUE(c.send(mail_to({"a@example.org"})).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const send_result r = c.send(mail_to({"b@example.org"}));
    EXPECT_TRUE(r.ok()) << explain(r);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(c.ask(query::noop).code, 250);
    EXPECT_EQ(s.mails().size(), 2U);
    EXPECT_EQ(s.server().counted().connections, 3U);
}

TEST(Client, ResumesItsTlsSession) {
    running_sink s(with_tls(sink::tls_mode::implicit));
    blocking_client c(s.options(tls_policy::implicit));
    send_result r = c.send(mail_to({"a@example.org"}));
    ASSERT_TRUE(r.ok()) << explain(r);
    EXPECT_FALSE(r.connection->tls_resumed);
    ASSERT_TRUE(c.quit().ok());
    r = c.send(mail_to({"b@example.org"}));
    ASSERT_TRUE(r.ok()) << explain(r);
    EXPECT_TRUE(r.connection->tls_resumed);
    EXPECT_TRUE(r.connection->tls_verified);
    EXPECT_TRUE(r.connection->certificate != nullptr);
    const auto resumes = [](const client_options& o) {
        const send_result sent = blocking_client(o).send(mail_to({"c@example.org"}));
        EXPECT_TRUE(sent.ok()) << explain(sent);
        return sent.connection->tls_resumed;
    };
    EXPECT_TRUE(resumes(s.options(tls_policy::implicit))) << "by another client that asks for the same";
}

// What was judged under one policy is nothing under another.
TEST(Client, ResumesNoTlsSessionOfAnotherPolicy) {
    running_sink s(with_tls(sink::tls_mode::implicit));
    const client_options usual = s.options(tls_policy::implicit);
    client_options o = usual;
    o.tls.verify = false;
    const auto sends = [](const client_options& with) {
        return blocking_client(with).send(mail_to({"a@example.org"}));
    };
    send_result r = sends(o);
    ASSERT_TRUE(r.ok());
    EXPECT_FALSE(r.connection->tls_resumed || r.connection->tls_verified);
    r = sends(usual);
    ASSERT_TRUE(r.ok()) << explain(r);
    EXPECT_FALSE(r.connection->tls_resumed) << "what nobody verified is not resumed by who verifies";
    EXPECT_TRUE(r.connection->tls_verified);
    const std::string pin = r.connection->certificate->sha256;

    o = usual;
    o.tls.ca_file.clear();
    EXPECT_EQ(sends(o).error, errc::tls_certificate) << "nor by who does not trust that CA";
    o = usual;
    o.tls.name = "elsewhere.example.org";
    EXPECT_EQ(sends(o).error, errc::tls_certificate) << "nor by who looks for another name";
    o = usual;
    o.tls.fingerprints = {std::string(64, '0')};
    EXPECT_EQ(sends(o).error, errc::tls_certificate) << "nor by who wants another certificate";
    o.tls.fingerprints = {pin};
    r = sends(o);
    EXPECT_TRUE(r.ok() && !r.connection->tls_resumed) << explain(r);
    temporary_folder folder;
    o = usual;
    o.tls.ca_file = folder.file_with("ca.pem", s.server().ca_pem());
    EXPECT_FALSE(sends(o).connection->tls_resumed) << "nor with trust from another file";
    EXPECT_TRUE(sends(o).connection->tls_resumed);
    // The file is another one now, of the same name.
    folder.file_with("ca.pem", "# other\n" + s.server().ca_pem());
    EXPECT_FALSE(sends(o).connection->tls_resumed);
}

TEST(Client, ReportsProgress) {
    for (const bool chunking : {true, false}) {
        running_sink s(with_tls(sink::tls_mode::implicit));
        client_options o = s.options(tls_policy::implicit);
        o.use_chunking = chunking;
        std::string text = "Subject: large\r\n\r\n";
        for (int i = 0; i < 60'000; ++i) {
            text += ". a line of forty octets, more or less..\n";
        }
        outgoing m = mail_to({"a@example.org"}, text);
        std::vector<progress> seen;
        m.on_progress = [&seen](const progress& p) { seen.push_back(p); };
        blocking_client c(o);
        const send_result r = c.send(m);
        ASSERT_TRUE(r.ok()) << explain(r);
        ASSERT_GT(seen.size(), 10U);
        EXPECT_EQ(seen.front().at, stage::connect);
        EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end(),
                                   [](const progress& a, const progress& b) { return a.handed < b.handed; }));
        EXPECT_EQ(seen.back().total, s.mails()[0].size);
        // With DATA each line here gets another dot.
        EXPECT_EQ(seen.back().handed, s.mails()[0].size + (chunking ? 0 : 60'000));
    }
}

TEST(Client, SpeaksLmtpOverAUnixSocket) {
    temporary_folder folder;
    sink::config c;
    c.lmtp = true;
    c.unix_paths = {folder.file("lmtp")};
    c.reject_delivery = {{"full@*", 452, "4.2.2 over quota"}};
    running_sink s(c);
    client_options o;
    o.server.protocol = protocol::lmtp;
    o.server.unix_path = folder.file("lmtp");
    o.server.tls = tls_policy::none;
    blocking_client client(o);
    const send_result r = client.send(mail_to({"a@example.org", "full@example.org", "b@example.org"}));
    EXPECT_EQ(r.error, errc::content_refused) << explain(r);
    EXPECT_EQ(r.recipients[0].outcome, disposition::delivered);
    EXPECT_EQ(r.recipients[1].outcome, disposition::transient);
    EXPECT_EQ(r.recipients[1].code, 452);
    EXPECT_EQ(r.recipients[2].outcome, disposition::delivered);
    EXPECT_EQ(r.connection->peer, "unix:" + folder.file("lmtp"));
    o.server.unix_path = folder.file("nobody");
    const status none = blocking_client(o).connect();
    EXPECT_EQ(none.error, errc::connection_failed);
    EXPECT_NE(none.detail.find("No such file"), std::string::npos) << none.detail;
}

TEST(Client, SpeaksIpv6) {
    sink::config c = with_tls(sink::tls_mode::implicit);
    c.listen = {"[::1]:0"};
    running_sink s(c);
    client_options o = s.options(tls_policy::implicit);
    o.server.host = "::1"; // and its iPAddress is in the certificate
    const send_result r = blocking_client(o).send(mail_to({"a@example.org"}));
    EXPECT_TRUE(r.ok()) << explain(r);
    EXPECT_EQ(r.connection->peer, "[::1]:" + std::to_string(s.port()));
}

TEST(Client, ConnectsFromTheSourceAddress) {
    running_sink s;
    client_options o = s.options(tls_policy::none);
    o.source_address = "127.0.0.3";
    const send_result r = blocking_client(o).send(mail_to({"a@example.org"}));
    ASSERT_TRUE(r.ok()) << explain(r);
    EXPECT_TRUE(s.mails()[0].peer.starts_with("127.0.0.3:")) << s.mails()[0].peer;
}

TEST(Client, ProbesWithoutSending) {
    sink::config c;
    c.reject_recipient = {{"nobody@*", 550, "5.1.1 no such user"}};
    running_sink s(c);
    blocking_client client(s.options(tls_policy::none));
    const send_result r = client.probe(mail_to({"a@example.org", "nobody@example.org"}));
    EXPECT_EQ(r.error, errc::recipient_refused);
    EXPECT_EQ(r.recipients[0].outcome, disposition::accepted);
    EXPECT_EQ(r.recipients[1].outcome, disposition::permanent);
    EXPECT_EQ(r.recipients[1].text, "5.1.1 no such user");
    EXPECT_TRUE(client.probe(mail_to({"a@example.org"})).ok());
    EXPECT_TRUE(client.send(mail_to({"b@example.org"})).ok());
    ASSERT_EQ(s.mails().size(), 1U);
    EXPECT_EQ(s.mails()[0].envelope.recipients.size(), 1U) << "what was probed is not in the next envelope";
}

TEST(Client, AsksOutsideATransaction) {
    running_sink s;
    blocking_client c(s.options(tls_policy::none));
    EXPECT_EQ(c.ask(query::noop).code, 250);
    EXPECT_EQ(c.ask(query::vrfy, "a@example.org").code / 100, 2);
    EXPECT_EQ(c.ask(query::vrfy, "a\r\nRSET").error, errc::bad_argument);
    EXPECT_TRUE(c.send(mail_to({"b@example.org"})).ok());
}

TEST(Client, SomeRecipientsRefusedTheOthersServed) {
    sink::config c;
    c.reject_recipient = {{"nobody@*", 550, "5.1.1 no such user"}};
    running_sink s(c);
    blocking_client client(s.options(tls_policy::none));
    send_result r = client.send(mail_to({"a@example.org", "nobody@example.org"}));
    EXPECT_TRUE(r.any(disposition::delivered));
    EXPECT_FALSE(r.all_delivered());
    EXPECT_EQ(r.error, errc::recipient_refused);
    outgoing strict = mail_to({"a@example.org", "nobody@example.org"});
    strict.all_or_nothing = true;
    r = client.send(strict);
    EXPECT_TRUE(r.all(disposition::permanent));
    EXPECT_EQ(r.recipients[0].error, errc::others_refused);
    EXPECT_EQ(s.mails().size(), 1U);
}

TEST(Client, WhatCannotBeAnAddressNeverReachesTheServer) {
    running_sink s;
    blocking_client c(s.options(tls_policy::none));
    const std::vector<std::string> bad = {"nobody",
                                          "a b@example.org",
                                          "a@example.org\r\nRSET",
                                          "a@ex\xEF\xBC\xA0mple.org",
                                          "a@b\xE3\x80\x82org",
                                          "a@xn--zzzzzzz9999.org",
                                          ""};
    send_result r = c.send(mail_to({bad.begin(), bad.end()}));
    EXPECT_TRUE(r.all(disposition::permanent));
    EXPECT_EQ(r.error, errc::bad_address);
    EXPECT_EQ(s.server().counted().connections, 0U);
    outgoing sender = mail_to({"a@example.org"});
    sender.from = "a@example.org> SIZE=1";
    EXPECT_EQ(c.send(sender).error, errc::bad_address);
    EXPECT_EQ(c.send(mail_to({})).error, errc::no_recipients);
    r = c.send(mail_to({"nobody", "b@example.org"}));
    EXPECT_EQ(r.recipients[0].error, errc::bad_address);
    EXPECT_EQ(r.recipients[1].outcome, disposition::delivered);
    outgoing strict = mail_to({"nobody", "b@example.org"});
    strict.all_or_nothing = true;
    EXPECT_TRUE(c.send(strict).all(disposition::permanent));
    EXPECT_EQ(s.mails().size(), 1U);
}

TEST(Client, InternationalAddresses) {
    sink::config c;
    c.without = {"SMTPUTF8"};
    running_sink plain(c);
    blocking_client client(plain.options(tls_policy::none));
    send_result r = client.send(mail_to({"a@b\xC3\xBC"
                                         "cher.example",
                                         "\xC3\xBC@example.org"}));
    EXPECT_EQ(r.recipients[0].outcome, disposition::delivered) << explain(r);
    EXPECT_EQ(r.recipients[1].error, errc::needs_smtputf8);
    EXPECT_EQ(r.recipients[1].outcome, disposition::permanent);
    ASSERT_EQ(plain.mails().size(), 1U);
    EXPECT_EQ(plain.mails()[0].envelope.recipients[0].address, "a@xn--bcher-kva.example");

    running_sink modern;
    blocking_client other(modern.options(tls_policy::none));
    r = other.send(mail_to({"a@b\xC3\xBC"
                            "cher.example",
                            "\xC3\xBC@example.org"}));
    EXPECT_TRUE(r.all_delivered()) << explain(r);
    EXPECT_TRUE(modern.mails()[0].envelope.smtputf8);
}

TEST(Client, ContentIsSettledBeforeMail) {
    sink::config c;
    c.without = {"8BITMIME", "SMTPUTF8"};
    c.size_limit = 1000;
    running_sink s(c);
    blocking_client client(s.options(tls_policy::none));
    const std::string eight = "Subject: x\r\n\r\n\xC3\xBC\r\n";
    EXPECT_EQ(client.send(mail_to({"a@example.org"}, eight)).error, errc::needs_8bitmime);
    EXPECT_EQ(client.send(mail_to({"a@example.org"}, "Subject: \xC3\xBC\r\n\r\n.\r\n")).error,
              errc::needs_8bitmime);
    EXPECT_EQ(client.send(mail_to({"a@example.org"}, "Subject: \xFC\r\n\r\n.\r\n")).error, errc::bad_message);
    EXPECT_EQ(client.send(mail_to({"a@example.org"}, std::string(2000, 'x'))).error, errc::message_too_large);
    EXPECT_EQ(client.send(mail_to({"a@example.org"}, std::string("a\0b", 3))).error, errc::content_has_nul);

    outgoing composed = mail_to({"a@example.org"}, eight);
    composed.compose = [](const capabilities& offered, std::string&) -> result<content> {
        return content(offered.has(keyword::eight_bit_mime) ? "8bit\r\n" : "7bit\r\n");
    };
    const send_result r = client.send(composed);
    EXPECT_TRUE(r.ok()) << explain(r);
    EXPECT_EQ(s.mails().back().content, "7bit\r\n");
    composed.compose = [](const capabilities&, std::string& why) -> result<content> {
        why = "no text";
        return errc::bad_message;
    };
    const send_result failed = client.send(composed);
    EXPECT_EQ(failed.error, errc::bad_message);
    EXPECT_EQ(failed.detail, "no text");
    EXPECT_EQ(s.mails().size(), 1U);
    EXPECT_EQ(s.server().counted().connections, 1U) << "none of these broke the session";
}

TEST(Client, DeliveryNotificationsAreAskedFor) {
    running_sink s;
    outgoing m = mail_to({"a@example.org"});
    m.ret = return_content::headers;
    m.envelope_id = "id+1";
    m.recipients[0].notify = notify::success | notify::failure;
    m.recipients[0].original = "b@example.org";
    ASSERT_TRUE(blocking_client(s.options(tls_policy::none)).send(m).ok());
    const sink::envelope e = s.mails()[0].envelope;
    EXPECT_EQ(e.ret, "HDRS");
    EXPECT_EQ(e.envid, "id+2B1");
    EXPECT_EQ(e.recipients[0].notify, "SUCCESS,FAILURE");
    EXPECT_EQ(e.recipients[0].orcpt, "rfc822;b@example.org");
}

TEST(Client, OptionsThatCannotBeUsedAreNamed) {
    const auto detail = [](client_options o) {
        const send_result r = blocking_client(std::move(o)).send(mail_to({"a@example.org"}));
        EXPECT_EQ(r.error, errc::bad_configuration);
        EXPECT_EQ(r.recipients[0].outcome, disposition::permanent);
        return r.detail;
    };
    const auto contains = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    client_options o = options_for(1, tls_policy::implicit);
    o.tls.ca_file = "/nonexistent/ca.pem";
    const std::string missing = detail(o);
    EXPECT_TRUE(contains(missing, "/nonexistent/ca.pem: No such file")) << missing;
    o = options_for(1, tls_policy::implicit);
    o.tls.fingerprints = {"ab:cd"};
    EXPECT_TRUE(contains(detail(o), "ab:cd"));
    o = options_for(1, tls_policy::implicit);
    o.tls.client_cert = "/nonexistent/cert.pem";
    EXPECT_TRUE(contains(detail(o), "its key"));
    o = options_for(1);
    o.client_name = "a b";
    EXPECT_TRUE(contains(detail(o), "a b"));
    o = options_for(1);
    o.source_address = "here";
    EXPECT_TRUE(contains(detail(o), "here"));
    o = options_for(1);
    o.credentials = alice(password, "GSSAPI");
    EXPECT_TRUE(contains(detail(o), "GSSAPI"));
    o = options_for(1);
    o.credentials = alice(std::string_view("a\0b", 3));
    EXPECT_TRUE(contains(detail(o), "NUL"));
    for (const std::string host : {"", "a..b", ".a", "a b", "a\nb", "xn--zzzzzzz9999",
                                   "a\xE3\x80\x82"
                                   "b"}) {
        o = options_for(1);
        o.server.host = host;
        EXPECT_FALSE(detail(o).empty()) << host;
    }
}

TEST(Client, TwoClientsInTwoThreads) {
    running_sink s(with_tls(sink::tls_mode::implicit));
    const client_options o = s.options(tls_policy::implicit);
    std::array<unsigned, 2> delivered{};
    std::vector<std::thread> threads;
    for (unsigned& count : delivered) {
        threads.emplace_back([&count, &o] {
            blocking_client c(o);
            for (int i = 0; i < 20; ++i) {
                count += c.send(mail_to({"a@example.org"})).all_delivered() ? 1 : 0;
            }
        });
    }
    for (std::thread& t : threads) {
        t.join();
    }
    EXPECT_EQ(delivered[0] + delivered[1], 40U);
    EXPECT_EQ(s.mails().size(), 40U);
}

// What is found in it is kept with the octets, whichever copy asks and from whichever thread.
TEST(Client, OneContentManyThreads) {
    for (int round = 0; round < 50; ++round) {
        const content shared(std::string(30'000, 'x') + "\n\xC3\xA4");
        std::array<std::future<std::uint64_t>, 4> sizes;
        for (auto& size : sizes) {
            size = std::async(std::launch::async, [copy = shared] { return copy.traits()->canonical_size; });
        }
        for (auto& size : sizes) {
            EXPECT_EQ(size.get(), 30'006U);
        }
        EXPECT_TRUE(shared.traits()->has_8bit);
    }
}

// Several threads run one context, and others call the client.
TEST(Client, OneClientManyThreads) {
    running_sink s(with_tls(sink::tls_mode::starttls));
    asio::io_context context;
    auto work = asio::make_work_guard(context);
    std::vector<std::thread> threads;
    for (int i = 0; i < (implicit_strand() ? 1 : 3); ++i) {
        threads.emplace_back([&context] { context.run(); });
    }
    {
        client c(context.get_executor(), s.options(tls_policy::required));
        std::vector<std::future<send_result>> results;
        for (int i = 0; i < 20; ++i) {
            results.push_back(c.async_send(mail_to({"a@example.org"}), asio::use_future));
        }
        for (std::future<send_result>& r : results) {
            EXPECT_TRUE(r.get().all_delivered());
        }
    }
    work.reset();
    for (std::thread& t : threads) {
        t.join();
    }
    EXPECT_EQ(s.mails().size(), 20U);
}

} // namespace
