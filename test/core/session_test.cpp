// What a wire script cannot say: the driver's interface, time, secrets, and misuse by foreign octets in every
// field of a command.
#include "postrider/session.hpp"
#include "postrider/stream.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace postrider;
using namespace std::string_literals;

session_config plain_config() {
    session_config c;
    c.tls = tls_policy::none;
    return c;
}

// A session with a server that says what the test wants it to.
struct line {
    explicit line(const session_config& c) : config(c), space(512), s(config, space) {}

    /// Everything the session would write now.
    std::string heard() {
        std::string all;
        for (want w = s.next(now); w == want::write; w = s.next(now)) {
            all += s.output();
            s.written(s.output().size());
        }
        return all;
    }
    std::string say(std::string_view octets) {
        s.received(octets);
        return heard();
    }
    void ready(std::string_view keywords = "") {
        say("220 x\r\n");
        say("250-x\r\n" + std::string{keywords} + "250 XEND\r\n");
    }

    session_config config;
    std::vector<char> space;
    instant now = 0;
    session s;
};

struct mail {
    explicit mail(std::string_view to = "b@example.net", std::string_view from = "a@example.org") {
        if (const auto path = forward_path::parse(to)) {
            recipients[0].path = *path;
        }
        if (const auto path = reverse_path::parse(from)) {
            t.from = *path;
        }
        t.recipients = recipients;
        t.content = "Hello\r\n";
    }
    std::array<recipient, 1> recipients;
    transaction t;
    outcome& result() { return recipients[0].result; }
};

TEST(session, asks_for_nothing_before_the_greeting) {
    line l(plain_config());
    EXPECT_EQ(l.s.next(5), want::read);
    EXPECT_EQ(l.s.deadline(), 5 + l.config.timeouts.greeting);
    EXPECT_EQ(l.s.output(), "");
    EXPECT_EQ(l.s.outstanding(), 1U);
    EXPECT_TRUE(l.s.can_submit());
    EXPECT_FALSE(l.s.is_closed());
    EXPECT_EQ(l.s.content_of(), nullptr);
    EXPECT_EQ(l.s.used_mechanism(), nullptr);
}

TEST(session, has_the_timeouts_of_rfc_5321) {
    line l(plain_config());
    mail m;
    l.s.submit(m.t);
    const auto timeout = [&l] {
        l.heard();
        l.s.next(l.now);
        return l.s.deadline() - l.now;
    };
    EXPECT_EQ(timeout(), 300'000U);
    l.now = 10;
    l.s.received("220 x\r\n");
    EXPECT_EQ(l.s.next(l.now), want::write);
    EXPECT_EQ(l.s.deadline() - l.now, 180'000U) << "while output is on its way: a data block";
    EXPECT_EQ(timeout(), 300'000U) << "EHLO";
    l.say("250 x\r\n");
    EXPECT_EQ(timeout(), 300'000U) << "MAIL";
    l.say("250 x\r\n");
    EXPECT_EQ(timeout(), 300'000U) << "RCPT";
    l.say("250 x\r\n");
    EXPECT_EQ(timeout(), 120'000U) << "DATA";
    l.say("354 x\r\n");
    EXPECT_EQ(timeout(), 600'000U) << "the end of the content";
    l.say("250 x\r\n");
    EXPECT_EQ(l.s.next(l.now), want::ready);
    EXPECT_EQ(l.s.deadline(), never) << "nothing is awaited";
    l.s.quit();
    EXPECT_EQ(timeout(), 10'000U);
}

TEST(session, waits_without_limit_where_the_caller_says_so) {
    session_config c = plain_config();
    c.timeouts = {0, 0, 0, 0, 0, 0, 0};
    line l(c);
    l.s.next(0);
    EXPECT_EQ(l.s.deadline(), never);
    EXPECT_EQ(l.s.next(never - 1), want::read);
}

TEST(session, each_write_has_time_of_its_own_and_the_transaction_has_an_end) {
    session_config c = plain_config();
    c.timeouts.transaction = 1'000'000;
    line l(c);
    mail m;
    m.t.more_content = true;
    l.ready();
    l.now = 50'000;
    l.s.submit(m.t);
    l.heard();
    l.say("250 x\r\n");
    l.say("250 x\r\n");
    l.say("354 x\r\n");
    const std::string part(1000, 'x');
    for (int i = 0;; ++i) {
        ASSERT_LT(i, 100);
        const want w = l.s.next(l.now);
        if (w == want::closed) {
            break;
        }
        if (w == want::content) {
            l.s.lend(part, false);
            continue;
        }
        ASSERT_EQ(w, want::write);
        ASSERT_LE(l.s.deadline(), l.now + 180'000);
        l.now += 100'000; // slow, but never too slow for one block
        l.s.written(l.s.output().size());
    }
    EXPECT_EQ(l.s.error(), errc::timed_out);
    EXPECT_GE(l.now, 1'050'000U);
    EXPECT_EQ(m.result().status, disposition::transient);
    EXPECT_EQ(m.result().at, stage::content);
}

TEST(session, the_transactions_clock_starts_with_each_transaction) {
    session_config c = plain_config();
    c.timeouts.transaction = 1000;
    c.window = 2;
    line l(c);
    mail first;
    mail second;
    l.ready("250-PIPELINING\r\n250-CHUNKING\r\n");
    l.s.submit(first.t);
    l.s.submit(second.t);
    EXPECT_FALSE(l.s.can_submit());
    l.heard();
    l.now = 900;
    l.say("250 x\r\n250 x\r\n250 x\r\n");
    EXPECT_TRUE(first.t.completed());
    EXPECT_TRUE(first.t.all_delivered());
    EXPECT_EQ(l.s.next(1500), want::read) << "the second one has its own thousand";
    EXPECT_EQ(l.s.deadline(), 1900U);
    l.now = 1899;
    l.say("250 x\r\n250 x\r\n250 x\r\n250 x\r\n");
    EXPECT_TRUE(second.t.all_delivered());
    EXPECT_EQ(l.s.deadline(), never);
}

TEST(session, tells_which_message_is_being_sent_and_which_is_beyond_recall) {
    session_config c = plain_config();
    c.window = 2;
    line l(c);
    mail first;
    mail second;
    EXPECT_FALSE(l.s.is_ready());
    l.ready("250-PIPELINING\r\n250-CHUNKING\r\n");
    EXPECT_TRUE(l.s.is_ready());
    EXPECT_EQ(l.s.awaited(), nullptr);
    l.s.submit(first.t);
    l.s.submit(second.t);
    EXPECT_EQ(l.s.awaited(), &first.t);
    EXPECT_FALSE(l.s.beyond_recall(first.t));
    while (l.s.next(l.now) == want::write && l.s.sending() != &second.t) {
        EXPECT_TRUE(!l.s.output_is_content() || l.s.sending() == &first.t);
        EXPECT_FALSE(l.s.beyond_recall(first.t));
        l.s.written(l.s.output().size());
    }
    EXPECT_TRUE(l.s.beyond_recall(first.t));
    EXPECT_FALSE(l.s.beyond_recall(second.t));
    l.heard();
    EXPECT_EQ(l.s.sending(), nullptr);
    EXPECT_FALSE(l.s.is_ready());
    EXPECT_TRUE(l.s.beyond_recall(second.t));
    l.s.lost(errc::connection_lost);
    EXPECT_EQ(second.result().status, disposition::in_doubt);
}

TEST(session, shows_which_output_is_secret_and_which_is_content) {
    plain_mechanism plain{"tim", "a password of more than thirty octets, so that it takes several slices"};
    std::array<mechanism*, 1> mechanisms{&plain};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    c.allow_auth_in_clear = true;
    for (const bool initial : {true, false}) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
            c.initial_response = initial;
            line l(c);
            l.say("220 x\r\n");
            l.s.received("250-x\r\n250 AUTH PLAIN\r\n");
            std::string open;
            std::string secret;
            for (;;) {
                const want w = l.s.next(0);
                if (w == want::read && secret.empty()) {
                    l.s.received("334 \r\n");
                    continue;
                }
                if (w != want::write) {
                    break;
                }
                const std::size_t n = std::min(piece, l.s.output().size());
                (l.s.output_is_secret() ? secret : open) += l.s.output().substr(0, n);
                EXPECT_FALSE(l.s.output_is_content());
                l.s.written(n);
            }
            EXPECT_EQ(open, initial ? "AUTH PLAIN \r\n" : "AUTH PLAIN\r\n\r\n");
            EXPECT_EQ(secret, "AHRpbQBhIHBhc3N3b3JkIG9mIG1vcmUgdGhhbiB0aGlydHkgb2N0ZXRzLCBzbyB0aGF0IGl0IHRha2"
                              "VzIHNldmVyYWwgc2xpY2Vz");
            EXPECT_EQ(l.s.used_mechanism(), &plain);
        }
    }
    line l(plain_config());
    mail m;
    l.ready();
    l.s.submit(m.t);
    l.heard();
    l.say("250 x\r\n");
    l.say("250 x\r\n");
    l.s.received("354 x\r\n");
    EXPECT_EQ(l.s.output(), "Hello\r\n");
    EXPECT_EQ(l.s.output().data(), m.t.content.data());
    EXPECT_TRUE(l.s.output_is_content());
    EXPECT_FALSE(l.s.output_is_secret());
    l.s.written(7);
    EXPECT_EQ(l.s.output(), ".\r\n");
    EXPECT_FALSE(l.s.output_is_content());
}

TEST(session, the_longest_parameters_have_room) {
    line l(plain_config());
    l.ready("250-SIZE\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-DSN\r\n250-MT-PRIORITY\r\n");
    mail m;
    m.t.body = body_type::binary;
    m.t.smtputf8 = true;
    m.t.size = std::numeric_limits<std::uint64_t>::max();
    m.t.priority = -9;
    m.t.ret = return_content::headers;
    m.t.envelope_id = "id";
    l.s.submit(m.t);
    EXPECT_EQ(l.heard(), "MAIL FROM:<a@example.org> SIZE=18446744073709551615 BODY=BINARYMIME SMTPUTF8 "
                         "RET=HDRS MT-PRIORITY=-9 ENVID=id\r\n");
    m.recipients[0].notify = notify::success | notify::failure | notify::delay;
    m.recipients[0].original = "b+c@example.net";
    EXPECT_EQ(l.say("250 ok\r\n"),
              "RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+2Bc@example.net\r\n");
}

TEST(session, gives_commands_together_up_to_content_and_credentials) {
    plain_mechanism plain("user", "secret");
    mechanism* const mechanisms[] = {&plain};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    c.allow_auth_in_clear = true;
    line l(c);
    std::array<char, 200> space;
    const auto commands = [&](std::size_t room) {
        return std::string(space.data(), l.s.take_commands({space.data(), room}));
    };
    EXPECT_EQ(commands(space.size()), "") << "before the greeting";
    l.s.received("220 x\r\n");
    EXPECT_EQ(commands(10), "EHLO ") << "whole pieces only";
    EXPECT_EQ(commands(space.size()), "localhost\r\n");
    l.s.handed(16);
    l.s.received("250-x\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 AUTH PLAIN\r\n");
    EXPECT_EQ(commands(space.size()), "AUTH PLAIN ");
    EXPECT_TRUE(l.s.output_is_secret());
    EXPECT_EQ(commands(space.size()), "") << "a credential";
    l.s.handed(11);
    l.heard();
    l.s.received("235 x\r\n");
    mail m;
    l.s.submit(m.t);
    EXPECT_EQ(commands(space.size()),
              "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nBDAT 7 LAST\r\n");
    EXPECT_EQ(commands(space.size()), "") << "content";
    EXPECT_EQ(l.s.output(), "Hello\r\n");
    EXPECT_TRUE(l.s.output_is_content());
}

TEST(session, leaves_no_credential_behind_when_it_closes) {
    plain_mechanism plain{"tim", "tanstaaftanstaaf"};
    std::array<mechanism*, 1> mechanisms{&plain};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    c.allow_auth_in_clear = true;
    line l(c);
    l.say("220 x\r\n");
    l.say("250-x\r\n250 AUTH PLAIN\r\n");
    const std::string_view image{reinterpret_cast<const char*>(&l.s), sizeof l.s};
    EXPECT_NE(image.find("AHRpbQB0"), std::string_view::npos) << "it is there while it is on its way";
    l.s.lost(errc::connection_lost);
    EXPECT_EQ(image.find("AHRpbQB0"), std::string_view::npos);
    EXPECT_EQ(l.s.output(), "");
}

TEST(session, takes_octets_only_for_what_is_owed) {
    // Half a reply waits when the next command would be begun.
    line l(plain_config());
    mail m;
    l.s.submit(m.t);
    l.say("220 x\r\n");
    EXPECT_EQ(l.say("250 x\r\n250 2.1"), "");
    EXPECT_EQ(l.s.error(), errc::unsolicited_reply);
    EXPECT_EQ(m.result().status, disposition::transient);

    // It is not followed by a question either.
    line other(plain_config());
    other.ready();
    other.s.received("2");
    EXPECT_EQ(other.s.ask(query::noop), errc::unsolicited_reply);
    EXPECT_TRUE(other.s.is_closed());
}

TEST(session, counts_a_command_as_owed_when_it_is_handed_over_and_not_before) {
    line l(plain_config());
    l.say("220 x\r\n");
    // EHLO is taken by the driver and not on the line yet; the reply comes all the same.
    line early(plain_config());
    early.s.received("220 x\r\n");
    while (!early.s.output().empty()) {
        early.s.taken(early.s.output().size());
    }
    EXPECT_EQ(early.s.next(0), want::write);
    early.s.received("250 x\r\n");
    EXPECT_EQ(early.s.error(), errc::unsolicited_reply);
}

TEST(session, a_final_reply_before_the_end_was_handed_over_delivers_nothing) {
    line l(plain_config());
    mail m;
    l.ready("250-PIPELINING\r\n250-CHUNKING\r\n");
    l.s.submit(m.t);
    std::string all;
    while (!l.s.output().empty()) {
        all += l.s.output();
        l.s.taken(l.s.output().size());
    }
    ASSERT_TRUE(all.ends_with("Hello\r\n"));
    l.s.handed(all.size() - 1); // the last octet is still on our side
    l.s.received("250 ok\r\n250 ok\r\n250 taken\r\n");
    EXPECT_EQ(l.s.error(), errc::unsolicited_reply);
    EXPECT_EQ(m.result().status, disposition::transient) << "and not in doubt";
}

TEST(session, taken_but_not_handed_is_not_in_doubt) {
    for (const bool handed : {false, true}) {
        line l(plain_config());
        mail m;
        l.ready();
        l.s.submit(m.t);
        l.heard();
        l.say("250 x\r\n");
        l.say("250 x\r\n");
        l.s.received("354 x\r\n");
        std::size_t size = 0;
        while (!l.s.output().empty()) {
            size += l.s.output().size();
            l.s.taken(l.s.output().size());
        }
        l.s.handed(handed ? size : size - 1);
        l.s.lost(errc::connection_lost);
        EXPECT_EQ(m.result().status, handed ? disposition::in_doubt : disposition::transient);
    }
}

TEST(session, refuses_questions_while_something_is_under_way) {
    line l(plain_config());
    EXPECT_EQ(l.s.ask(query::noop), errc::session_closed);
    l.say("220 x\r\n");
    EXPECT_EQ(l.s.ask(query::noop), errc::session_closed);
    l.say("250 x\r\n");
    EXPECT_EQ(l.s.ask(query::noop), feature::queries ? errc::ok : errc::session_closed);
    l.s.lost(errc::connection_lost);
    EXPECT_EQ(l.s.ask(query::noop), errc::session_closed);
    EXPECT_FALSE(l.s.can_submit());
    EXPECT_EQ(l.s.next(0), want::closed);
    l.s.lost(errc::cancelled);
    EXPECT_EQ(l.s.error(), errc::connection_lost) << "the first failure counts";
    l.s.received("250 x\r\n");
    EXPECT_EQ(l.s.last_reply().code, 250);
}

TEST(session, can_be_quit_before_it_is_ready) {
    line l(plain_config());
    mail m;
    l.s.submit(m.t);
    l.s.quit();
    EXPECT_FALSE(l.s.can_submit());
    l.ready();
    l.say("250 x\r\n");
    l.say("250 x\r\n");
    l.say("354 x\r\n");
    EXPECT_EQ(l.say("250 x\r\n"), "QUIT\r\n");
    EXPECT_FALSE(l.s.can_submit());
    l.say("221 x\r\n");
    EXPECT_TRUE(l.s.is_closed());
    EXPECT_EQ(l.s.error(), errc::ok);
    EXPECT_TRUE(m.t.all_delivered());
}

TEST(session, a_transaction_can_be_submitted_again) {
    line l(plain_config());
    mail m;
    l.ready();
    for (int i = 0; i < 3; ++i) {
        l.s.submit(m.t);
        EXPECT_EQ(m.result().status, disposition::pending);
        EXPECT_FALSE(m.t.completed());
        EXPECT_FALSE(m.t.all_delivered());
        l.heard();
        l.say("250 x\r\n");
        l.say("250 x\r\n");
        l.say("354 x\r\n");
        l.say("250 x\r\n");
        EXPECT_TRUE(m.t.all_delivered());
    }
}

TEST(session, keeps_the_servers_text_where_the_recipient_lent_space) {
    line l(plain_config());
    mail m;
    std::array<char, 8> space{};
    m.recipients[0].text_space = space;
    l.ready();
    l.s.submit(m.t);
    l.heard();
    l.say("250 x\r\n");
    l.say("550 5.1.1 nobody of that name\r\n");
    EXPECT_EQ(m.result().text, "5.1.1 no");
    EXPECT_EQ(m.result().text.data(), space.data());
}

TEST(session, more_recipients_than_it_can_count_are_refused_before_anything_is_sent) {
    line l(plain_config());
    mail m;
    std::vector<recipient> many(65'536, m.recipients[0]);
    m.t.recipients = many;
    l.ready();
    l.s.submit(m.t);
    EXPECT_EQ(l.heard(), "");
    EXPECT_TRUE(m.t.completed());
    EXPECT_EQ(many.front().result.error, errc::bad_argument);
    EXPECT_EQ(many.back().result.status, disposition::permanent);
}

TEST(session, a_recipient_without_a_path_is_refused_before_anything_is_sent) {
    line l(plain_config());
    mail m;
    m.recipients[0].path = {};
    l.ready();
    l.s.submit(m.t);
    EXPECT_EQ(l.heard(), "");
    EXPECT_EQ(m.result().error, errc::bad_argument);
}

TEST(session, a_chunk_may_have_no_limit) {
    session_config c = plain_config();
    c.max_chunk = 0;
    line l(c);
    mail m;
    l.ready("250-PIPELINING\r\n250-CHUNKING\r\n");
    l.s.submit(m.t);
    const std::string all = l.heard();
    EXPECT_EQ(all.find("BDAT 7 LAST\r\nHello\r\n") != std::string::npos,
              feature::chunking && feature::pipelining)
        << all;
}

// An address is parsed once and lent; if it is changed behind the session's back, the choke point still
// holds.
TEST(injection, an_address_that_changes_after_it_was_parsed_stops_the_session) {
    std::string text = "bob@example.net";
    line l(plain_config());
    mail m(text);
    l.ready();
    text[1] = '\n';
    l.s.submit(m.t);
    l.heard();
    EXPECT_EQ(l.say("250 ok\r\n").find('\n'), std::string::npos);
    EXPECT_TRUE(l.s.is_closed());
    EXPECT_EQ(l.s.error(), errc::bad_argument);
    EXPECT_EQ(m.result().status, disposition::permanent);
}

// A mechanism that goes on for as long as it is asked.
class tireless final : public mechanism {
  public:
    std::string_view name() const noexcept override { return "TIRELESS"; }
    bool start() noexcept override { return true; }
    errc respond(std::string_view) noexcept override { return errc::ok; }
    std::string_view part(unsigned index) const noexcept override {
        return index == 0 ? std::string_view{""} : std::string_view{};
    }
    bool may_finish() const noexcept override { return true; }
    bool needs_secure_line() const noexcept override { return false; }
};

TEST(session, stops_after_eight_challenges) {
    tireless t;
    std::array<mechanism*, 1> mechanisms{&t};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    line l(c);
    l.say("220 x\r\n");
    EXPECT_EQ(l.say("250-x\r\n250 AUTH TIRELESS\r\n"), "AUTH TIRELESS =\r\n")
        << "an empty initial response is \"=\"";
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(l.say("334 bW9yZQ==\r\n"), "\r\n");
    }
    EXPECT_EQ(l.say("334 bW9yZQ==\r\n"), "*\r\n");
    EXPECT_EQ(l.say("501 x\r\n"), "QUIT\r\n");
    EXPECT_EQ(l.s.error(), errc::auth_challenge);
}

TEST(session, a_challenge_that_does_not_fit_is_not_answered) {
    tireless t;
    std::array<mechanism*, 1> mechanisms{&t};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    line l(c);
    l.say("220 x\r\n");
    l.say("250-x\r\n250 AUTH TIRELESS\r\n");
    EXPECT_EQ(l.say("334 " + std::string(1000, 'A') + "\r\n"), "*\r\n");
    EXPECT_EQ(l.say("334 more\r\n"), "QUIT\r\n");
}

TEST(session, half_a_mechanisms_name_is_none) {
    plain_mechanism plain{"tim", "secret"};
    std::array<mechanism*, 1> mechanisms{&plain};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    c.allow_auth_in_clear = true;
    line l(c);
    l.say("220 x\r\n");
    const std::string padding(512 - 5 - 5, 'x');
    EXPECT_EQ(l.say("250-x\r\n250 AUTH " + padding.substr(1) + " PLAIN-NOT\r\n"), "QUIT\r\n");
    EXPECT_EQ(l.s.error(), errc::auth_unavailable);
}

TEST(session, of_two_auth_lines_the_last_one_holds) {
    plain_mechanism plain{"tim", "secret"};
    login_mechanism login{"tim", "secret"};
    std::array<mechanism*, 2> mechanisms{&plain, &login};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    c.allow_auth_in_clear = true;
    line l(c);
    l.say("220 x\r\n");
    EXPECT_EQ(l.say("250-x\r\n250-AUTH PLAIN\r\n250 AUTH=LOGIN\r\n"), "AUTH LOGIN\r\n");
}

TEST(session, tls_that_comes_at_a_wrong_time_changes_nothing) {
    line l(plain_config());
    l.ready();
    l.s.tls_started(true);
    EXPECT_EQ(l.s.next(0), want::ready);
}

// I1 to I4: 256 octets at the start, in the middle and at the end of every text that a caller hands in. What
// goes out is one line per command and its octets are printable, or nothing of that command goes out.
void expect_clean(const std::string& out, std::string_view commands, const std::string& field, int octet) {
    std::size_t lines = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto c = static_cast<unsigned char>(out[i]);
        if (c == '\r') {
            ASSERT_LT(i + 1, out.size()) << field << ' ' << octet;
            ASSERT_EQ(out[i + 1], '\n') << field << ' ' << octet;
            ++lines;
            ++i;
        } else {
            ASSERT_TRUE(c >= 0x20 && c != 0x7F)
                << field << ' ' << octet << ": " << testing::PrintToString(out);
        }
    }
    ASSERT_TRUE(out.empty() || (out.starts_with(commands) && out.ends_with("\r\n") && lines == 1))
        << field << ' ' << octet << ": " << testing::PrintToString(out);
}

TEST(injection, no_field_lets_a_control_character_through) {
    const std::string frame = "abcdef";
    for (int octet = 0; octet < 256; ++octet) {
        const bool control = octet < 0x20 || octet == 0x7F;
        for (const std::size_t at : {std::size_t{0}, std::size_t{3}, frame.size()}) {
            std::string text = frame;
            text.insert(at, 1, static_cast<char>(octet));

            session_config named = plain_config();
            named.client_name = text;
            line ehlo(named);
            const std::string hello = ehlo.say("220 x\r\n");
            expect_clean(hello, "EHLO ", "client name", octet);
            ASSERT_EQ(hello.empty(), control);
            ASSERT_EQ(ehlo.s.error(), control ? errc::bad_argument : errc::ok);

            for (const query q :
                 {query::noop, query::vrfy, query::expn, query::help, query::etrn, query::rset}) {
                line asked(plain_config());
                asked.ready();
                const errc e = asked.s.ask(q, text);
                const std::string out = asked.heard();
                expect_clean(out, "", "question", octet);
                ASSERT_EQ(e == errc::ok, !control && feature::queries);
                ASSERT_EQ(out.empty(), control || !feature::queries);
            }

            for (const std::string field : {"from", "to", "envelope id", "original", "to, lenient"}) {
                line l(plain_config());
                l.ready("250-SMTPUTF8\r\n250-8BITMIME\r\n250-DSN\r\n");
                const std::string address = text + "@example.org";
                mail m(field == "to" ? std::string_view{address} : "b@example.net",
                       field == "from" ? std::string_view{address} : "a@example.org");
                if (field == "to" && !forward_path::parse(address)) {
                    continue; // no path, no command
                }
                if (field == "to, lenient") {
                    const auto box = mailbox::parse_lenient(address);
                    ASSERT_FALSE(box && control);
                    if (!box) {
                        continue;
                    }
                    m.recipients[0].path = *box;
                }
                m.t.envelope_id = field == "envelope id" ? std::string_view{text} : std::string_view{};
                m.recipients[0].original = field == "original" ? std::string_view{text} : std::string_view{};
                l.s.submit(m.t);
                const std::string first = l.heard();
                expect_clean(first, "MAIL FROM:<", field, octet);
                ASSERT_FALSE(control && (field == "envelope id" || field == "original") && !first.empty())
                    << field;
                if (!first.empty()) {
                    expect_clean(l.say("250 ok\r\n"), "RCPT TO:<", field, octet);
                }
            }
        }
    }
}

// A stream of two memories, for the driver that the library brings along.
struct memory_stream {
    std::vector<std::string> incoming; // one piece per read; "" ends the line
    std::size_t write_limit = 1U << 20;
    std::string outgoing;
    errc broken = errc::ok;
    errc handshake = errc::ok;
    bool verified = true;
    bool stalls = false;
    instant clock = 0;

    io_result write(std::span<const std::string_view> slices, instant) {
        if (broken != errc::ok && outgoing.size() >= write_limit) {
            return {0, broken};
        }
        std::size_t n = 0;
        for (const std::string_view s : slices) {
            const std::size_t part = std::min(s.size(), write_limit - n);
            outgoing += s.substr(0, part);
            n += part;
        }
        return {n, errc::ok};
    }
    io_result read(std::span<char> space, instant deadline) {
        // What is asked for with a deadline in the past must be there already: this server never talks ahead,
        // unless the test says so with a '!' in front.
        const bool ahead = !incoming.empty() && incoming.front().starts_with('!');
        if (deadline <= clock && !ahead) {
            return {0, errc::timed_out};
        }
        if (incoming.empty()) {
            clock = stalls ? deadline : clock;
            return {0, stalls ? errc::timed_out : errc::connection_lost};
        }
        std::string& piece = incoming.front();
        piece.erase(0, ahead ? 1 : 0);
        if (piece.empty()) {
            incoming.erase(incoming.begin());
            return {0, errc::ok};
        }
        const std::size_t n = std::min(space.size(), piece.size());
        piece.copy(space.data(), n);
        piece.erase(0, n);
        if (piece.empty()) {
            incoming.erase(incoming.begin());
        }
        return {n, errc::ok};
    }
    handshake_result start_tls(instant) { return {handshake, verified}; }
};
static_assert(stream<memory_stream>);

struct driven {
    driven(const session_config& c, std::vector<std::string> says, std::size_t space_size = 512)
        : config(c), space(256), s(config, space), buffer(space_size) {
        line.incoming = std::move(says);
        line.clock = 1;
    }
    want run() {
        return drive(
            s, line, [this] { return line.clock; }, buffer);
    }
    session_config config;
    std::vector<char> space;
    session s;
    memory_stream line;
    std::vector<char> buffer;
};

TEST(driver, sends_a_mail_in_pieces_of_any_size) {
    const std::string content = "Hello\r\n" + std::string(2000, 'x') + "\r\n.\r\n" + std::string(300, 'y');
    for (const std::size_t limit :
         {std::size_t{1}, std::size_t{7}, std::size_t{1000}, std::size_t{1} << 20}) {
        driven d(plain_config(),
                 {"220 x\r\n", "250-x\r\n", "250 PIPELINING\r\n", "250 ok\r\n250 ok\r\n", "354 go\r\n",
                  "250 taken\r\n", "221 bye\r\n"},
                 256);
        d.line.write_limit = limit;
        mail m;
        m.t.content = content;
        d.s.submit(m.t);
        EXPECT_EQ(d.run(), want::ready);
        EXPECT_TRUE(m.t.all_delivered());
        d.s.quit();
        EXPECT_EQ(d.run(), want::closed);
        EXPECT_EQ(
            d.line.outgoing,
            "EHLO localhost\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nHello\r\n" +
                std::string(2000, 'x') + "\r\n..\r\n" + std::string(300, 'y') + "\r\n.\r\nQUIT\r\n");
    }
}

// More slices than one gathered write can hold, with the last of them content and with the last of them
// copied.
TEST(driver, writes_in_several_goes_what_does_not_fit_in_one) {
    std::string content;
    for (int i = 0; i < 60; ++i) {
        content += std::string(400, 'z') + "\n";
    }
    for (const bool chunks : {false, true}) {
        session_config c = plain_config();
        c.use_chunking = chunks;
        driven d(c,
                 {"220 x\r\n", "250-x\r\n250 CHUNKING\r\n", "250 ok\r\n", "250 ok\r\n",
                  chunks ? "250 taken\r\n" : "354 go\r\n", "250 taken\r\n"},
                 8192);
        mail m;
        m.t.content = content;
        d.s.submit(m.t);
        EXPECT_EQ(d.run(), want::ready);
        EXPECT_TRUE(m.t.all_delivered());
        const std::string line = std::string(400, 'z') + "\r\n";
        std::size_t count = 0;
        for (std::size_t at = d.line.outgoing.find(line); at != std::string::npos;
             at = d.line.outgoing.find(line, at + 1)) {
            ++count;
        }
        EXPECT_EQ(count, 60U);
    }
}

TEST(driver, gathers_many_small_slices) {
    std::string content;
    for (int i = 0; i < 200; ++i) {
        content += ".\r\n" + std::string(i % 40 == 0 ? 400 : 3, 'z') + "\n";
    }
    driven d(plain_config(),
             {"220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"}, 8192);
    mail m;
    m.t.content = content;
    d.s.submit(m.t);
    EXPECT_EQ(d.run(), want::ready);
    EXPECT_TRUE(m.t.all_delivered());
    EXPECT_NE(d.line.outgoing.find("zzz\r\n..\r\n"), std::string::npos);
    EXPECT_TRUE(d.line.outgoing.ends_with("\r\n.\r\n"));
}

TEST(driver, wants_content_from_its_caller) {
    driven d(plain_config(),
             {"220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 taken\r\n"});
    mail m;
    m.t.more_content = true;
    d.s.submit(m.t);
    EXPECT_EQ(d.run(), want::content);
    d.s.lend("World", true);
    EXPECT_EQ(d.run(), want::ready);
    EXPECT_NE(d.line.outgoing.find("Hello\r\nWorld\r\n.\r\n"), std::string::npos);
}

TEST(driver, does_the_handshake_and_takes_clear_octets_before_it_for_an_attack) {
    session_config c = plain_config();
    c.tls = tls_policy::required;
    driven good(c, {"220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n", "250 x\r\n"});
    EXPECT_EQ(good.run(), want::ready);
    EXPECT_TRUE(good.s.tls_active());
    driven attacked(c, {"220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n", "!250 x\r\n"});
    EXPECT_EQ(attacked.run(), want::closed);
    EXPECT_EQ(attacked.s.error(), errc::starttls_injection);
    driven failed(c, {"220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n"});
    failed.line.handshake = errc::tls_certificate;
    EXPECT_EQ(failed.run(), want::closed);
    EXPECT_EQ(failed.s.error(), errc::tls_certificate);
}

TEST(driver, reads_what_has_come_before_it_writes) {
    driven d(plain_config(), {"220 x\r\n", "!250 early\r\n"});
    EXPECT_EQ(d.run(), want::closed);
    EXPECT_EQ(d.s.error(), errc::unsolicited_reply);
    EXPECT_EQ(d.line.outgoing, "");
}

TEST(driver, reports_how_the_line_ended) {
    driven closed(plain_config(), {"220 x\r\n", ""});
    EXPECT_EQ(closed.run(), want::closed);
    EXPECT_EQ(closed.s.error(), errc::connection_lost);
    driven stalled(plain_config(), {"220 x\r\n"});
    stalled.line.stalls = true;
    EXPECT_EQ(stalled.run(), want::closed);
    EXPECT_EQ(stalled.s.error(), errc::timed_out);
    driven lost(plain_config(), {"220 x\r\n"});
    EXPECT_EQ(lost.run(), want::closed);
    EXPECT_EQ(lost.s.error(), errc::connection_lost);
}

TEST(driver, hears_the_servers_last_words_when_a_write_fails) {
    mail m;
    m.t.content = "Hello\r\n";
    driven d(plain_config(), {"220 x\r\n", "250 x\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n",
                              "!421 4.3.2 going down\r\n"});
    d.line.write_limit = 75; // breaks within the content
    d.line.broken = errc::connection_lost;
    d.s.submit(m.t);
    EXPECT_EQ(d.run(), want::closed);
    EXPECT_EQ(d.s.error(), errc::service_closing);
    EXPECT_EQ(m.result().code, 421);
    driven quiet(plain_config(), {"220 x\r\n"});
    quiet.line.write_limit = 0;
    quiet.line.broken = errc::tls_truncated;
    EXPECT_EQ(quiet.run(), want::closed);
    EXPECT_EQ(quiet.s.error(), errc::tls_truncated);
    driven slow(plain_config(), {"220 x\r\n"});
    slow.line.write_limit = 0;
    slow.line.broken = errc::timed_out;
    slow.line.stalls = true;
    int asked = 0;
    const want w = drive(
        slow.s, slow.line, [&] { return asked++ < 20 ? instant{1} : instant{10'000'000}; }, slow.buffer);
    EXPECT_EQ(w, want::closed);
    EXPECT_EQ(slow.s.error(), errc::timed_out);
}

TEST(driver, wipes_a_credential_from_its_space) {
    plain_mechanism plain{"tim", "tanstaaftanstaaf"};
    std::array<mechanism*, 1> mechanisms{&plain};
    session_config c = plain_config();
    c.mechanisms = mechanisms;
    c.allow_auth_in_clear = true;
    driven d(c, {"220 x\r\n", "250-x\r\n250 AUTH PLAIN\r\n", "235 welcome\r\n"});
    EXPECT_EQ(d.run(), want::ready);
    EXPECT_NE(d.line.outgoing.find("AHRpbQB0YW5z"), std::string::npos);
    const std::string_view space{d.buffer.data(), d.buffer.size()};
    EXPECT_EQ(space.find("AHRpbQB0YW5z"), std::string_view::npos);
}

// Floods: whatever the server sends, it is over after a bounded number of octets, and the session has no
// memory of its own to grow (it makes no allocation at all; its objects are where the caller put them).
TEST(flood, ends_within_the_limits) {
    const std::string block(65'536, 'x');
    struct flood {
        std::string first;
        std::string again;
    };
    for (const flood& f : {flood{"220 ", block}, flood{"", "220-x\r\n"}, flood{"220 x\r\n", "250-SIZE 1\r\n"},
                           flood{"220 x\r\n250-", block}, flood{"", "2"}, flood{"", "\n"},
                           flood{"220 x\r\n250 x\r\n", "250 x\r\n"}}) {
        line l(plain_config());
        std::size_t sent = 0;
        l.say(f.first.substr(0, f.first.find('\n') + 1));
        l.say(f.first.substr(f.first.find('\n') + 1));
        while (!l.s.is_closed()) {
            l.say(f.again);
            sent += f.again.size();
            ASSERT_LT(sent, 2 * reply_reader::max_reply) << f.first << f.again.substr(0, 10);
        }
        EXPECT_NE(l.s.error(), errc::ok);
    }
}

} // namespace
