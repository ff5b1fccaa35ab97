// drive() over a stream that blocks, and the parts of the line that need no network: what is written when,
// and in how many pieces.
#include "../../src/client/host_name.hpp"
#include "../../src/client/mask.hpp"
#include "../../src/client/visible.hpp"
#include "postrider/secret.hpp"
#include "postrider/stream.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

using namespace postrider;

namespace {

// A server in memory: each write is answered by the next of the prepared replies. Time passes only while
// nothing comes.
class fake_stream {
  public:
    explicit fake_stream(std::deque<std::string> replies) : replies_(std::move(replies)) { arrive(); }

    io_result write(std::span<const std::string_view> slices, instant) {
        std::string octets;
        for (const std::string_view s : slices) {
            octets += s;
        }
        if (broken) {
            return {0, errc::connection_lost};
        }
        const bool whole = octets.size() <= at_most;
        octets.resize(std::min(octets.size(), at_most));
        written.push_back(octets);
        if (whole && octets.ends_with('\n')) {
            arrive();
        }
        return {octets.size(), errc::ok};
    }
    io_result read(std::span<char> space, instant deadline) {
        if (pending.empty()) {
            now = deadline > now && deadline != never ? deadline : now;
            return closed ? io_result{} : io_result{0, errc::timed_out};
        }
        const std::size_t n = std::min(space.size(), pending.size());
        std::copy_n(pending.begin(), n, space.begin());
        pending.erase(0, n);
        return {n, errc::ok};
    }
    handshake_result start_tls(instant) {
        tls_started = true;
        arrive();
        return {errc::ok, true};
    }

    std::vector<std::string> written;
    std::string pending;
    std::size_t at_most = std::string::npos;
    instant now = 0;
    bool closed = false;
    bool broken = false;
    bool tls_started = false;

  private:
    void arrive() {
        if (!replies_.empty()) {
            pending += replies_.front();
            replies_.pop_front();
        }
    }
    std::deque<std::string> replies_;
};
static_assert(stream<fake_stream>);

struct driven {
    explicit driven(std::deque<std::string> replies, tls_policy tls = tls_policy::none)
        : line(std::move(replies)) {
        config.tls = tls;
    }
    want go(std::size_t space_size = 4096) {
        std::vector<char> space(space_size);
        const want w = drive(
            engine, line, [this] { return line.now; }, space);
        EXPECT_EQ(std::string(space.begin(), space.end()).find("c2VjcmV0"), std::string::npos)
            << "wiped after use";
        return w;
    }
    fake_stream line;
    session_config config;
    char reply_space[512];
    session engine{config, reply_space};
};

struct one_mail {
    explicit one_mail(std::string_view content) {
        t.from = *reverse_path::parse("a@example.org");
        to[0] = recipient(*forward_path::parse("b@example.org"));
        t.recipients = to;
        t.content = content;
    }
    recipient to[1];
    transaction t;
};

TEST(Drive, OneWriteForAMessage) {
    driven d(
        {"220 hi\r\n", "250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n", "250 ok\r\n250 ok\r\n250 taken\r\n"});
    EXPECT_EQ(d.go(), want::ready);
    one_mail mail("Subject: x\r\n\r\nHello.\r\n");
    d.engine.submit(mail.t);
    EXPECT_EQ(d.go(), want::ready);
    EXPECT_TRUE(mail.t.all_delivered());
    ASSERT_EQ(d.line.written.size(), 2U);
    EXPECT_EQ(d.line.written[1], "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 22 "
                                 "LAST\r\nSubject: x\r\n\r\nHello.\r\n");
}

TEST(Drive, LargeContentIsReferredToAndSmallSpaceIsEnough) {
    const std::string large = std::string(5000, 'x') + "\r\n";
    driven d(
        {"220 hi\r\n", "250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n", "250 ok\r\n250 ok\r\n250 taken\r\n"});
    EXPECT_EQ(d.go(256), want::ready);
    one_mail mail(large);
    d.engine.submit(mail.t);
    EXPECT_EQ(d.go(256), want::ready);
    EXPECT_TRUE(mail.t.all_delivered());
    EXPECT_EQ(d.line.written.size(), 2U) << "128 octets of commands and 5,002 of content in one piece";
}

TEST(Drive, PartialWritesAndContentInParts) {
    driven d({"220 hi\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"});
    d.line.at_most = 7;
    EXPECT_EQ(d.go(), want::ready);
    one_mail mail("");
    mail.t.more_content = true;
    d.engine.submit(mail.t);
    int parts = 0;
    want w = want::ready;
    while ((w = d.go()) == want::content) {
        // No part may end in CRLF, or the fake server would take it for a command.
        d.engine.lend(parts == 2 ? "end" : "part ", parts == 2);
        ++parts;
    }
    EXPECT_EQ(w, want::ready);
    EXPECT_EQ(parts, 3);
    EXPECT_TRUE(mail.t.all_delivered());
    std::string all;
    for (const std::string& s : d.line.written) {
        all += s;
    }
    EXPECT_TRUE(all.ends_with("DATA\r\npart part end\r\n.\r\n")) << all;
}

TEST(Drive, UnaskedRepliesAreHeardBeforeTheNextCommand) {
    driven d({"220 hi\r\n", "250 x\r\n"});
    EXPECT_EQ(d.go(), want::ready);
    d.line.pending = "250 ok\r\n";
    one_mail mail("x\r\n");
    d.engine.submit(mail.t);
    EXPECT_EQ(d.go(), want::closed);
    EXPECT_EQ(d.engine.error(), errc::unsolicited_reply);
    EXPECT_EQ(d.line.written.size(), 1U) << "nothing after EHLO";
}

TEST(Drive, StartTls) {
    driven d({"220 hi\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n", "", "250 x\r\n"},
             tls_policy::required);
    EXPECT_EQ(d.go(), want::ready);
    EXPECT_TRUE(d.line.tls_started);
    EXPECT_TRUE(d.engine.tls_active());

    driven attacked({"220 hi\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n250 x\r\n"}, tls_policy::required);
    EXPECT_EQ(attacked.go(), want::closed);
    EXPECT_EQ(attacked.engine.error(), errc::starttls_injection);
    EXPECT_FALSE(attacked.line.tls_started);
}

TEST(Drive, TimeEndsIt) {
    driven d({});
    EXPECT_EQ(d.go(), want::closed);
    EXPECT_EQ(d.engine.error(), errc::timed_out);
    EXPECT_EQ(d.line.now, 300'000U);
}

TEST(Drive, LostLines) {
    driven d({"220 hi\r\n"});
    d.line.closed = true;
    EXPECT_EQ(d.go(), want::closed);
    EXPECT_EQ(d.engine.error(), errc::connection_lost);

    driven broken({"220 hi\r\n", "250 x\r\n"});
    EXPECT_EQ(broken.go(), want::ready);
    broken.line.broken = true;
    one_mail mail("x\r\n");
    broken.engine.submit(mail.t);
    EXPECT_EQ(broken.go(), want::closed);
    EXPECT_EQ(mail.to[0].result.status, disposition::transient);
}

TEST(Drive, CredentialsAreWiped) {
    plain_mechanism plain("alice", "secret");
    mechanism* const all[] = {&plain};
    driven d({"220 hi\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "235 ok\r\n"});
    d.config.mechanisms = all;
    d.config.allow_auth_in_clear = true;
    EXPECT_EQ(d.go(), want::ready); // which looks through the space
    EXPECT_TRUE(d.engine.authenticated());
    EXPECT_EQ(d.line.written.back(), "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n");
}

// --- names ---

TEST(HostName, OneFormForResolvingAndVerifying) {
    const auto text = [](std::string_view name) {
        return line::parse_host(name).value_or(line::host_name{}).text;
    };
    EXPECT_EQ(text("Mail.Example.ORG."), "mail.example.org");
    EXPECT_EQ(text("b\xC3\xBC"
                   "cher.example"),
              "xn--bcher-kva.example");
    EXPECT_EQ(text("B\xC3\xBC"
                   "cher.example"),
              "xn--bcher-kva.example");
    EXPECT_EQ(text("xn--bcher-kva.example"), "xn--bcher-kva.example");
    EXPECT_EQ(text("mail_1.internal"), "mail_1.internal");
    EXPECT_EQ(text("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(text("2001:DB8:0::1"), "2001:db8::1");
    EXPECT_TRUE(line::parse_host("::1")->is_address);
    for (const std::string& bad :
         {std::string(""), std::string("."), std::string(".example.org"), std::string("a..b"),
          std::string("a b"), std::string("a\0b", 3), std::string("a/b"), std::string("a:25"),
          std::string("[::1]"), std::string("xn--a"),
          std::string("a\xEF\xBC\xA0"
                      "b"),
          std::string("a\xE3\x80\x82"
                      "b"),
          std::string("\xFF.example"), std::string(64, 'a'), std::string(300, 'a')}) {
        EXPECT_FALSE(line::parse_host(bad)) << bad;
    }
}

// --- what is shown ---

TEST(Visible, KeepsWhatIsHarmlessAndNothingElse) {
    EXPECT_EQ(line::visible("250 ok b\xC3\xBC"
                            "cher \xF0\x9F\x93\xAC"),
              "250 ok b\xC3\xBC"
              "cher \xF0\x9F\x93\xAC");
    EXPECT_EQ(line::visible("a\r\n\t\x7F\\"), "a\\x0d\\x0a\\x09\\x7f\\x5c");
    EXPECT_EQ(line::visible("\xC2\x9B"
                            "31m \xE2\x80\x8B \xEF\xBB\xBF"),
              "\\u{009b}31m \\u{200b} \\u{feff}");
    EXPECT_EQ(line::visible("\xC0\x80 \xED\xA0\x80 \xF4\x90\x80\x80 \xE2\x82"),
              "\\xc0\\x80 \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xe2\\x82");
    for (int c = 0; c < 256; ++c) {
        const std::string shown = line::visible(std::string(1, static_cast<char>(c)));
        EXPECT_EQ(shown.size() == 1, c >= ' ' && c < 0x7F && c != '\\') << c;
    }
}

TEST(Mask, HidesEachFormOfThePassword) {
    credentials c;
    c.user = "alice";
    c.password = secret("hunter2");
    const line::mask m(c);
    EXPECT_EQ(m.over("no hunter2, nor HUNTER2HUNTER2; aHVudGVyMg and 68756e74657232"),
              "no ********, nor ****************; ******** and ********");
    EXPECT_EQ(line::mask({}).over("hunter2"), "hunter2");
}

TEST(Secret, IsWipedWhenItGoes) {
    static_assert(!std::is_convertible_v<secret, std::string_view>);
    secret a("octets");
    const char* const where = a.reveal().data();
    secret b = std::move(a);
    EXPECT_TRUE(a.empty()); // NOLINT(bugprone-use-after-move): that is the point
    EXPECT_EQ(b.reveal().data(), where) << "moved, not copied";
    secret c = b;
    EXPECT_TRUE(b == c);
    c = secret("others");
    EXPECT_FALSE(b == c);
    EXPECT_FALSE(b == secret());
    std::string text = "octets";
    wipe(text.data(), text.size());
    EXPECT_EQ(text, std::string(6, '\0'));
}

} // namespace
