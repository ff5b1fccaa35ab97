// One client of the NetX Duo SMTP API on hosted NetX, and what every test demands at its end: all packets
// back where they came from, none released twice.
#pragma once

#include "netx_fixture.hpp"
#include "netxduo/nxd_smtp_client.h"
#include "smtp_server.hpp"

namespace test {

#ifdef NX_SMTP_CLIENT_MINIMAL
constexpr bool minimal = true;
#else
constexpr bool minimal = false;
#endif

constexpr UINT success = NX_SUCCESS;

/// What a client is made with.
struct account {
    const char* user = "";
    const char* password = "";
    UINT type = NX_SMTP_CLIENT_AUTH_NONE;
    const char* from = "alice@mail.test";
    const char* domain = "device.test";
};

constexpr account with_plain{"user", "secret", NX_SMTP_CLIENT_AUTH_PLAIN};
constexpr account with_login{"user", "secret", NX_SMTP_CLIENT_AUTH_LOGIN};

#ifdef FEATURE_NX_IPV6
inline NXD_ADDRESS loopback_v6() {
    NXD_ADDRESS address{};
    address.nxd_ip_version = NX_IP_VERSION_V6;
    address.nxd_ip_address.v6[3] = 1;
    return address;
}
#endif

class smtp : public netx {
  protected:
    void TearDown() override {
        if (client.nx_smtp_client_id == NX_SMTP_CLIENT_ID) {
            EXPECT_EQ(nx_smtp_client_delete(&client), success);
        }
        expect_clean();
        netx::TearDown();
    }

    void expect_clean() {
        EXPECT_EQ(application->stats().allocated, 0U) << "packets of the client leaked";
        EXPECT_EQ(application->stats().double_releases, 0U);
        EXPECT_EQ(stack->stats().allocated, 0U) << "received packets leaked";
        EXPECT_EQ(stack->stats().double_releases, 0U);
        EXPECT_EQ(nx_hosted_foreign_releases(), 0U);
    }

    UINT create_at(NXD_ADDRESS address, unsigned port, const account& who = {}) {
        if (client.nx_smtp_client_id == NX_SMTP_CLIENT_ID) {
            EXPECT_EQ(nx_smtp_client_delete(&client), success);
        }
        return nxd_smtp_client_create(&client, &ip, &application->control, name(who.user), name(who.password),
                                      name(who.from), name(who.domain), who.type, &address, port);
    }
    void create(const account& who = {}) { ASSERT_EQ(create_at(loopback(), server.port(), who), success); }

    UINT send(std::string body = "Hello\r\n", const char* to = "bob@mail.test",
              UINT priority = NX_SMTP_MAIL_PRIORITY_NORMAL, const char* subject = "A subject") {
        return nx_smtp_mail_send(&client, name(to), priority, name(subject), body.data(),
                                 static_cast<UINT>(body.size()));
    }

    /// Makes a client for `who`, sends, and gives what the server heard.
    dialogue talk(const account& who, UINT expected = success) {
        create(who);
        EXPECT_EQ(send(), expected);
        return server.heard();
    }

    /// The client is as good as new: with the server in order, the next mail arrives.
    void expect_usable() {
        server.usual();
        const auto before = server.accepted().size();
        EXPECT_EQ(send("Once more\r\n"), success);
        const auto accepted = server.accepted();
        ASSERT_EQ(accepted.size(), before + 1);
        EXPECT_EQ(parts(accepted.back()).second, "Once more\r\n");
        expect_clean();
    }

#ifndef NX_SMTP_CLIENT_MINIMAL
    /// The same for a client that keeps its session.
    void expect_usable_kept() {
        server.usual();
        EXPECT_EQ(send("Once more\r\n"), success);
        EXPECT_EQ(nx_smtp_client_session_keep(&client, NX_FALSE), success);
        EXPECT_EQ(parts(server.accepted().back()).second, "Once more\r\n");
        expect_clean();
    }
#endif

    smtp_server server{loopback_family};
    NX_SMTP_CLIENT client{};
};

using lines = std::vector<std::string>;

/// The first words of the commands.
inline const lines& words(const dialogue& d) {
    return d.words;
}

/// The line that begins with `start`; empty without one.
inline std::string line_of(const lines& all, std::string_view start) {
    for (const auto& line : all) {
        if (line.starts_with(start))
            return line;
    }
    return {};
}

/// The value of a header field, its folds kept; "(none)" without it.
inline std::string field(const std::string& header, const std::string& field_name) {
    std::string all = "\r\n" + header;
    const auto at = all.find("\r\n" + field_name + ": ");
    if (at == std::string::npos)
        return "(none)";
    const auto begin = at + field_name.size() + 4;
    auto end = all.find("\r\n", begin);
    while (end + 2 < all.size() && (all[end + 2] == ' ' || all[end + 2] == '\t'))
        end = all.find("\r\n", end + 2);
    return all.substr(begin, end - begin);
}

inline std::string base64(std::string_view text) {
    std::string coded((text.size() + 2) / 3 * 4 + 1, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    coded.pop_back();
    return coded;
}

/// The response of PLAIN.
inline std::string plain(const std::string& user, const std::string& password) {
    return base64(std::string(1, '\0') + user + std::string(1, '\0') + password);
}

} // namespace test
