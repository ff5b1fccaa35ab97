// Every code from 000 to 999 in answer to every command: what the engine does with it is a function of the
// stage and the class alone, with the few codes that mean something of their own.
#include "postrider/session.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace {

using namespace postrider;

enum class at {
    greeting,
    ehlo,
    helo,
    starttls,
    auth,
    response,
    cancel,
    rset,
    mail,
    rcpt,
    data,
    content,
    chunk,
    last,
    query,
    quit
};
constexpr at all[] = {at::greeting, at::ehlo, at::helo,  at::starttls, at::auth, at::response,
                      at::cancel,   at::rset, at::mail,  at::rcpt,     at::data, at::content,
                      at::chunk,    at::last, at::query, at::quit};

// What came of it, in a word.
std::string fate(const session& s, const outcome& o) {
    if (s.is_closed() && s.error() != errc::ok) {
        return std::string{name(s.error())};
    }
    if (o.settled()) {
        return std::string{name(o.status)};
    }
    return s.error() != errc::ok ? "leaves: " + std::string{name(s.error())}
           : s.is_closed()       ? "closed"
                                 : "on";
}

struct bench {
    bench(at where) : config(make(where)), space(256), s(config, space) {
        t.from = *reverse_path::parse("a@example.org");
        t.recipients = recipients;
        t.content = "Hello\r\n";
        t.more_content = where == at::chunk;
    }

    session_config make(at where) {
        session_config c;
        c.tls = where == at::starttls ? tls_policy::required : tls_policy::none;
        c.allow_auth_in_clear = true;
        c.initial_response = where != at::response;
        c.use_ehlo = true;
        if (where == at::auth || where == at::response) {
            mechanisms[0] = &plain;
            c.mechanisms = mechanisms;
        } else if (where == at::cancel) {
            mechanisms[0] = &login;
            c.mechanisms = mechanisms;
        }
        return c;
    }

    void pump() {
        for (want w = s.next(0); w == want::write; w = s.next(0)) {
            s.written(s.output().size());
        }
    }
    void say(std::string_view text) {
        pump();
        s.received(text);
        pump();
    }
    /// Up to the point where the reply in question is awaited.
    void go(at where);

    plain_mechanism plain{"user", "password"};
    login_mechanism login{"user", "password"};
    std::array<mechanism*, 1> mechanisms{};
    session_config config;
    std::vector<char> space;
    std::array<recipient, 1> recipients{recipient{*forward_path::parse("b@example.net")}};
    transaction t;
    session s;
};

void bench::go(at where) {
    if (where != at::greeting) {
        say("220 hello\r\n");
    }
    const bool hello = where == at::greeting || where == at::ehlo || where == at::helo;
    if (where == at::helo) {
        say("500 what\r\n");
    }
    if (hello) {
        return;
    }
    const bool chunks = where == at::chunk || where == at::last;
    say(chunks ? "250-x\r\n250 CHUNKING\r\n" : "250-x\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n");
    if (where == at::response) {
        say("334 \r\n");
    } else if (where == at::cancel) {
        for (const std::string_view prompt : {"334 \r\n", "334 \r\n", "334 one too many\r\n"}) {
            say(prompt);
        }
    } else if (where == at::query) {
        EXPECT_EQ(s.ask(query::noop), errc::ok);
    } else if (where == at::quit) {
        s.quit();
    }
    if (where < at::rset || where >= at::query) {
        pump();
        return;
    }
    if (where == at::rset) {
        static transaction probe;
        static std::array<recipient, 1> to{recipient{*forward_path::parse("c@example.net")}};
        probe.recipients = to;
        s.submit(probe);
        say("550 no\r\n");
    }
    s.submit(t);
    pump();
    for (const at step : {at::mail, at::rcpt, at::data}) {
        if (where <= step || (step == at::data && chunks)) {
            break;
        }
        say(step == at::data ? "354 go\r\n" : "250 ok\r\n");
    }
}

std::string expected(at where, int code) {
    const int first = code / 100;
    const bool refused = first == 4 || first == 5;
    if (code < 200 || code > 559 || code / 10 % 10 > 5) {
        return where == at::quit ? "closed" : "malformed_reply";
    }
    if (code == 421 && where != at::quit) {
        return "service_closing";
    }
    const std::string leave = "leaves: ";
    const std::string final = first == 2   ? "delivered"
                              : first == 4 ? "transient"
                              : first == 5 ? "permanent"
                                           : "unexpected_reply";
    switch (where) {
    case at::greeting:
        return code == 220 ? "on" : refused ? leave + "greeting_refused" : "unexpected_reply";
    case at::ehlo:
        return code == 250 || code == 500 || code == 502 || code == 504 ? "on"
               : refused                                                ? leave + "ehlo_refused"
                                                                        : "unexpected_reply";
    case at::helo:
        return code == 250 ? "on" : refused ? leave + "ehlo_refused" : "unexpected_reply";
    case at::starttls:
        return code == 220 ? "on" : refused ? leave + "starttls_refused" : "unexpected_reply";
    case at::auth:
    case at::response:
        return code == 235 || code == 334 ? "on"
               : first == 4               ? leave + "auth_transient"
               : first == 5               ? leave + "auth_refused"
                                          : "unexpected_reply";
    case at::cancel:
        return leave + "auth_challenge";
    case at::rset:
        return first == 2 ? "on" : "unexpected_reply";
    case at::mail:
        return first == 2 ? "on" : final;
    case at::rcpt:
    case at::chunk:
        return first == 2 ? "on" : final;
    case at::data:
        return code == 354 ? "on" : refused ? final : "unexpected_reply";
    case at::content:
    case at::last:
        return final;
    case at::query:
        return "on";
    default:
        return "closed";
    }
}

class every_code : public testing::TestWithParam<at> {};

TEST_P(every_code, has_its_meaning) {
    for (int code = 0; code < 1000; ++code) {
        bench b(GetParam());
        b.go(GetParam());
        ASSERT_EQ(fate(b.s, {}), "on");
        const std::string digits = std::to_string(1000 + code).substr(1);
        b.say(digits + " text\r\n");
        ASSERT_EQ(fate(b.s, b.recipients[0].result), expected(GetParam(), code)) << digits;
        // With the line gone nothing is left open, and nothing is claimed that was not said.
        b.s.lost(errc::connection_lost);
        const disposition d = b.recipients[0].result.status;
        const bool submitted = GetParam() >= at::rset && GetParam() < at::query;
        EXPECT_TRUE(b.s.is_closed());
        EXPECT_EQ(d != disposition::pending, submitted) << digits;
        const bool final = GetParam() == at::content || GetParam() == at::last;
        EXPECT_EQ(d == disposition::delivered, final && code >= 200 && code < 260) << digits;
    }
}

INSTANTIATE_TEST_SUITE_P(at_every_stage, every_code, testing::ValuesIn(all));

} // namespace
