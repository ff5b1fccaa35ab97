// Which mechanism is taken, and what the tokens' mechanisms and SCRAM do with a server that refuses or lies.
#include "postrider/client.hpp"
#include "scripted_server.hpp"
#include "support.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <optional>
#include <string>
#include <vector>

namespace {

using namespace postrider;
using namespace postrider::test;

std::string encoded(std::string_view octets) {
    std::string out((octets.size() + 2) / 3 * 4 + 1, '\0');
    out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                        reinterpret_cast<const unsigned char*>(octets.data()),
                                                        static_cast<int>(octets.size()))));
    return out;
}

std::string decoded(std::string base64) {
    const std::ptrdiff_t size = base64_decode_in_place(base64.data(), base64.size());
    base64.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return base64;
}

using scripts = std::vector<scripted_server::script>;

client_options options_with(const scripted_server& s, std::string mechanism, std::string_view password,
                            bool in_clear = true, std::string user = "alice") {
    client_options o = options_for(s.port());
    o.credentials.emplace();
    o.credentials->user = std::move(user);
    o.credentials->password = secret(password);
    o.credentials->mechanism = std::move(mechanism);
    o.allow_auth_in_clear = in_clear;
    return o;
}

struct choice {
    const char* listed;
    const char* password;
    bool in_clear;
    const char* taken; // nullptr: none, and no command is sent
    errc error;
};

TEST(Login, TheMechanismDependsOnTheLineAndThePassword) {
    const choice all[] = {
        {"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "pencil", false, nullptr, errc::auth_needs_tls},
        {"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "p\xc3\xa4ncil", false, nullptr, errc::auth_needs_tls},
        {"AUTH PLAIN LOGIN CRAM-MD5", "pencil", false, nullptr, errc::auth_needs_tls},
        {"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "pencil", true, "SCRAM-SHA-256", errc::auth_refused},
        {"AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256", "p\xc3\xa4ncil", true, "CRAM-MD5", errc::auth_refused},
        {"AUTH PLAIN LOGIN", "pencil", true, "PLAIN", errc::auth_refused},
        {"AUTH XOAUTH2 OAUTHBEARER", "pencil", true, nullptr, errc::auth_unavailable},
    };
    for (const choice& c : all) {
        std::string taken;
        std::optional<scripted_server> s;
        s.emplace(scripts{[&](peer& p) {
            p.greet({c.listed});
            taken = p.line();
            if (taken.starts_with("AUTH")) {
                p.send("535 5.7.8 No\r\n");
            }
            p.drain();
        }});
        EXPECT_EQ(blocking_client(options_with(*s, "", c.password, c.in_clear)).connect().error, c.error)
            << c.listed;
        s.reset();
        if (c.taken == nullptr) {
            EXPECT_TRUE(taken.empty() || taken == "QUIT") << taken;
        } else {
            EXPECT_TRUE(taken.starts_with("AUTH " + std::string(c.taken))) << taken;
        }
    }
}

TEST(Login, TokensAreShownAndARefusalIsReadToItsEnd) {
    for (const bool accepted : {true, false}) {
        for (const std::string mechanism : {"OAUTHBEARER", "xoauth2"}) {
            std::string response;
            std::string answer = "none";
            std::optional<scripted_server> s;
            s.emplace(scripts{[&](peer& p) {
                p.greet({"AUTH PLAIN OAUTHBEARER XOAUTH2"});
                const std::string line = p.line();
                response = decoded(line.substr(line.rfind(' ') + 1));
                if (!accepted) {
                    p.send("334 " + encoded(R"({"status":"401","schemes":"bearer"})") + "\r\n");
                    answer = p.line();
                }
                p.send(accepted ? "235 2.7.0 Welcome\r\n" : "535 5.7.8 No\r\n");
                p.drain();
            }});
            const status r =
                blocking_client(options_with(*s, mechanism, "to.ken", true, "a,b@example.org")).connect();
            EXPECT_EQ(r.error, accepted ? errc::ok : errc::auth_refused) << explain(r);
            EXPECT_EQ(r.connection->authenticated, accepted);
            const std::string port = std::to_string(s->port());
            s.reset();
            EXPECT_EQ(response, mechanism == "xoauth2" ? "user=a,b@example.org\1auth=Bearer to.ken\1\1"
                                                       : "n,a=a=2Cb@example.org,\1host=127.0.0.1\1port=" +
                                                             port + "\1auth=Bearer to.ken\1\1");
            EXPECT_EQ(answer, accepted ? "none" : mechanism == "xoauth2" ? "" : "AQ==");
        }
    }
}

TEST(Login, WhatIsNoTokenIsNotSent) {
    bool asked = false;
    std::optional<scripted_server> s;
    s.emplace(scripts{[&](peer& p) {
        asked = true;
        p.drain();
    }});
    for (const char* mechanism : {"OAUTHBEARER", "XOAUTH2"}) {
        const status r = blocking_client(options_with(*s, mechanism, "two words")).connect();
        EXPECT_EQ(r.error, errc::bad_configuration);
        EXPECT_NE(r.detail.find("access token"), std::string::npos) << r.detail;
    }
    EXPECT_EQ(blocking_client(options_with(*s, "SCRAM-SHA-512", "x")).connect().error,
              errc::bad_configuration);
    client_options acting = options_with(*s, "SCRAM-SHA-256", "x");
    acting.credentials->authorization_id = "bob";
    EXPECT_EQ(blocking_client(acting).connect().error, errc::bad_configuration);
    EXPECT_FALSE(asked);
}

// A server that takes any password must not be taken for the one that knows it.
TEST(Login, ScramFailsAServerThatCannotProveItself) {
    for (const std::string ending : {"235 2.7.0 Welcome\r\n", "334 dj1BQUFB\r\n", "334 \r\n", "334 !\r\n"}) {
        std::string last;
        std::optional<scripted_server> s;
        s.emplace(scripts{[&](peer& p) {
            p.greet({"AUTH SCRAM-SHA-256"});
            const std::string line = p.line();
            const std::string first = decoded(line.substr(line.rfind(' ') + 1));
            p.send("334 " + encoded(first.substr(first.find("r=")) + "xyz,s=c2FsdA==,i=4096") + "\r\n");
            p.line();
            p.send(ending);
            last = p.line();
            if (last == "*") {
                p.send("501 5.7.0 Cancelled\r\n");
            }
            p.drain();
        }});
        const status r = blocking_client(options_with(*s, "", "pencil", true)).connect();
        EXPECT_EQ(r.error, errc::auth_challenge) << explain(r);
        EXPECT_FALSE(r.connection->authenticated);
        s.reset();
        EXPECT_EQ(last, ending.starts_with("334") ? "*" : "QUIT");
    }
}

} // namespace
