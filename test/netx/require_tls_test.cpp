// A build with NX_SMTP_CLIENT_REQUIRE_TLS_FOR_AUTH.
#include "smtp_fixture.hpp"

namespace {

using namespace test;

class require_tls : public smtp {};

TEST_F(require_tls, no_credentials_go_out_in_clear) {
    for (const auto& who : {with_plain, with_login}) {
        for (const auto& listed : {lines{"AUTH PLAIN LOGIN"}, lines{}}) {
            server.offer(listed);
            const auto heard = talk(who, NX_SMTP_AUTH_REPLY_ERROR);
            EXPECT_EQ(heard.credentials, "");
            EXPECT_EQ(words(heard), (lines{"EHLO", "QUIT"}));
        }
    }
    server.on("EHLO", {"500 what?\r\n"});
    EXPECT_EQ(words(talk(with_plain, NX_SMTP_AUTH_REPLY_ERROR)), (lines{"EHLO", "HELO", "QUIT"}));
    server.usual();
    EXPECT_EQ(words(talk({})), (lines{"EHLO", "MAIL", "RCPT", "DATA", "QUIT"})) << "who needs none may send";
}

} // namespace
