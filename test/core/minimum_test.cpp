// An engine built without its optional parts: it does not know their keywords, and what needs them is refused
// before anything is sent.
#include "postrider/session.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace {

using namespace postrider;

TEST(minimum, knows_only_the_keywords_it_can_use) {
    for (const std::string_view line :
         {"PIPELINING", "SIZE 1000", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", "CHUNKING", "BINARYMIME",
          "STARTTLS", "VRFY", "EXPN", "HELP", "ETRN", "MT-PRIORITY"}) {
        capabilities c;
        EXPECT_EQ(c.learn(line), keyword::none) << line;
    }
    capabilities c;
    EXPECT_EQ(c.learn("AUTH PLAIN"), keyword::auth);
    EXPECT_EQ(c.learn("8BITMIME"), keyword::eight_bit_mime);
}

TEST(minimum, refuses_what_it_cannot_send) {
    session_config config;
    config.tls = tls_policy::none;
    std::vector<char> space(128);
    session s(config, space);
    std::array<recipient, 1> to{recipient{*forward_path::parse("b@example.net")}};
    const auto pump = [&s] {
        std::string out;
        for (want w = s.next(0); w == want::write; w = s.next(0)) {
            out += s.output();
            s.written(s.output().size());
        }
        return out;
    };
    s.received("220 x\r\n");
    pump();
    s.received("250-x\r\n250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n250 BINARYMIME\r\n");
    EXPECT_EQ(s.next(0), want::ready);
    EXPECT_NE(s.ask(query::noop), errc::ok);
    EXPECT_EQ(forward_path::parse("j\xC3\xB6rg@example.net").error(), errc::bad_address);
    const auto refused = [&](auto set) {
        transaction t;
        t.recipients = to;
        set(t);
        s.submit(t);
        EXPECT_EQ(pump(), "");
        EXPECT_TRUE(t.completed());
        return to[0].result.error;
    };
    EXPECT_EQ(refused([](transaction& t) { t.smtputf8 = true; }), errc::needs_smtputf8);
    EXPECT_EQ(refused([](transaction& t) { t.envelope_id = "1"; }), errc::needs_dsn);
    EXPECT_EQ(refused([](transaction& t) { t.body = body_type::binary; }), errc::needs_binarymime);
    EXPECT_EQ(s.next(0), want::ready);
}

TEST(minimum, required_tls_is_a_refusal_where_starttls_is_not_built_in) {
    session_config config;
    std::vector<char> space(128);
    session s(config, space);
    s.received("220 x\r\n");
    while (s.next(0) == want::write) {
        s.written(s.output().size());
    }
    s.received("250-x\r\n250 STARTTLS\r\n");
    EXPECT_EQ(s.error(), errc::starttls_unavailable);
}

} // namespace
