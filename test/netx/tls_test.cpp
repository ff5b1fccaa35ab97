// STARTTLS and implicit TLS by NetX Secure, and what an attacker on the line may try.
#include "nx_secure_tls_api.h"
#include "smtp_fixture.hpp"

#include <array>
#include <ctime>

namespace {

using namespace test;

// What tls_setup sets up: the memory of one session, and whom to trust.
struct tls_memory {
    std::array<UCHAR, 10240> metadata{};
    std::array<UCHAR, 4000> buffer{};
    std::vector<UCHAR> authority;
    NX_SECURE_X509_CERT trusted{};
    UINT result = NX_SUCCESS;
    int calls = 0;
};
tls_memory* memory = nullptr;

ULONG check_name(NX_SECURE_TLS_SESSION* /*session*/, NX_SECURE_X509_CERT* cert) {
    static const UCHAR wanted[] = "mail.test";
    return nx_secure_x509_common_name_dns_check(cert, wanted, sizeof wanted - 1);
}

UINT set_up(NX_SMTP_CLIENT* /*client*/, NX_SECURE_TLS_SESSION* session) {
    ++memory->calls;
    if (memory->result != NX_SUCCESS)
        return memory->result;
    EXPECT_EQ(nx_secure_tls_session_create(session, &nx_crypto_tls_ciphers_ecc, memory->metadata.data(),
                                           static_cast<ULONG>(memory->metadata.size())),
              success);
    EXPECT_EQ(nx_secure_tls_ecc_initialize(session, nx_crypto_ecc_supported_groups,
                                           static_cast<USHORT>(nx_crypto_ecc_supported_groups_size),
                                           nx_crypto_ecc_curves),
              success);
    EXPECT_EQ(nx_secure_tls_session_packet_buffer_set(session, memory->buffer.data(),
                                                      static_cast<ULONG>(memory->buffer.size())),
              success);
    EXPECT_EQ(nx_secure_x509_certificate_initialize(&memory->trusted, memory->authority.data(),
                                                    static_cast<USHORT>(memory->authority.size()), NX_NULL, 0,
                                                    NX_NULL, 0, NX_SECURE_X509_KEY_TYPE_NONE),
              success);
    EXPECT_EQ(nx_secure_tls_trusted_certificate_add(session, &memory->trusted), success);
    EXPECT_EQ(nx_secure_tls_session_time_function_set(session,
                                                      [] { return static_cast<ULONG>(std::time(nullptr)); }),
              success);
    return nx_secure_tls_session_certificate_callback_set(session, check_name);
}

class tls : public smtp {
  protected:
    void SetUp() override {
        smtp::SetUp();
        nx_secure_tls_initialize();
        authority = make_identity("Test CA", nullptr, nullptr);
        mine.authority = der(authority.cert.get());
        memory = &mine;
    }
    void TearDown() override {
        smtp::TearDown();
        EXPECT_EQ(nx_secure_tls_shutdown(), success) << "a session was not deleted";
    }

    void serve(bool implicit, const char* host = "DNS:mail.test") {
        server.use_tls(make_identity("server", &authority, host), implicit);
        server.usual();
        if (!implicit)
            server.on("EHLO", {with_starttls, inside_tls});
    }
    void create_for(UINT mode, const account& who = with_plain) {
        create(who);
        ASSERT_EQ(nx_smtp_client_secure_set(&client, mode, set_up), success);
    }

    const std::string with_starttls = "250-mail.test\r\n250-STARTTLS\r\n250-SIZE 5\r\n250 AUTH LOGIN\r\n";
    const std::string inside_tls = "250-mail.test\r\n250-SIZE\r\n250 AUTH PLAIN\r\n";
    identity authority;
    tls_memory mine;
};

TEST_F(tls, starttls_and_all_of_the_first_ehlo_is_forgotten) {
    serve(false);
    create_for(NX_SMTP_CLIENT_STARTTLS);
    for (int i = 1; i <= 2; ++i) {
        server.on("EHLO", {with_starttls, inside_tls});
        EXPECT_EQ(send(), success);
        const auto heard = server.heard();
        EXPECT_EQ(words(heard), (lines{"EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"}));
        EXPECT_EQ(heard.lines_in_clear, 2U);
        EXPECT_EQ(heard.credentials, "AUTH PLAIN " + plain("user", "secret"));
        EXPECT_EQ(mine.calls, i) << "prepared before each handshake";
    }
}

TEST_F(tls, implicit) {
    serve(true);
    create_for(NX_SMTP_CLIENT_IMPLICIT_TLS);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"}));
    EXPECT_EQ(server.heard().lines_in_clear, 0U);
}

#ifdef NX_SMTP_CLIENT_ENABLE_OAUTH
TEST_F(tls, tokens) {
    serve(true);
    server.on("EHLO", {"250-mail.test\r\n250 AUTH PLAIN OAUTHBEARER XOAUTH2\r\n"});
    server.on("AUTH", {"235 ok\r\n"});
    create_for(NX_SMTP_CLIENT_IMPLICIT_TLS, {"user", "to.ken", NX_SMTP_CLIENT_AUTH_OAUTHBEARER});
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.heard().credentials, "AUTH OAUTHBEARER " + base64("n,a=user,\1auth=Bearer to.ken\1\1"));
    create_for(NX_SMTP_CLIENT_IMPLICIT_TLS, {"user", "to.ken", NX_SMTP_CLIENT_AUTH_XOAUTH2});
    EXPECT_EQ(send(), success);
    EXPECT_EQ(server.heard().credentials, "AUTH XOAUTH2 " + base64("user=user\1auth=Bearer to.ken\1\1"));
    server.on("AUTH", {"334 " + base64("{\"status\":\"401\"}") + "\r\n"});
    server.on("RESPONSE", {"535 no\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_AUTH_REPLY_ERROR});
    EXPECT_EQ(server.heard().contents.size(), 0U);
}
#endif

TEST_F(tls, bodies_larger_than_packets_and_records) {
    serve(true);
    create_for(NX_SMTP_CLIENT_IMPLICIT_TLS, {});
    std::string body;
    for (int i = 0; body.size() < 120'000; ++i)
        body += "line " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 70), '.') + "\r\n";
    for (const ULONG cut : {ULONG{0}, ULONG{1}, ULONG{13}}) {
        nx_hosted_receive_cut(cut, cut);
        EXPECT_EQ(send(body), success);
        EXPECT_EQ(parts(server.heard().contents.at(0)).second, body);
    }
}

TEST_F(tls, a_kept_session_stays_under_tls) {
    serve(false);
    create_for(NX_SMTP_CLIENT_STARTTLS);
    ASSERT_EQ(nx_smtp_client_session_keep(&client, NX_TRUE), success);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(nx_smtp_client_secure_set(&client, NX_SMTP_CLIENT_NO_TLS, nullptr), UINT{NX_SMTP_INVALID_PARAM})
        << "not while it is open";
    EXPECT_EQ(send(), success);
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    EXPECT_TRUE(server.heard().quit);
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(tls, a_server_without_starttls_gets_nothing) {
    create_for(NX_SMTP_CLIENT_STARTTLS);
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_UNAVAILABLE});
    EXPECT_EQ(server.heard().lines, (lines{"EHLO device.test", "QUIT"}));
    server.on("EHLO", {"500 what?\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_UNAVAILABLE});
    EXPECT_EQ(words(server.heard()), (lines{"EHLO", "HELO", "QUIT"}));
    for (const char* refusal : {"454 not now\r\n", "502 what?\r\n"}) {
        server.on("EHLO", {with_starttls});
        server.on("STARTTLS", {refusal});
        EXPECT_EQ(send(), UINT{NX_SMTP_TLS_UNAVAILABLE});
        EXPECT_EQ(words(server.heard()), (lines{"EHLO", "STARTTLS", "QUIT"}));
    }
    EXPECT_EQ(mine.calls, 0);
}

TEST_F(tls, a_line_dropped_at_ehlo_does_not_lead_around_tls) {
    server.on("EHLO", {then_end});
    create_for(NX_SMTP_CLIENT_STARTTLS);
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_UNAVAILABLE});
    EXPECT_EQ(server.heard().credentials, "");
    EXPECT_EQ(line_of(server.heard().lines, "MAIL"), "");
}

TEST_F(tls, plaintext_behind_the_220_is_fatal) {
    serve(false);
    create_for(NX_SMTP_CLIENT_STARTTLS);
    for (const char* injected : {"250-mail.test\r\n250 AUTH PLAIN\r\n", "2", "220 go on\r\n"}) {
        server.on("EHLO", {with_starttls, inside_tls});
        server.on("STARTTLS", {"220 go on\r\n" + std::string(injected)});
        EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR}) << injected;
        const auto heard = server.heard();
        EXPECT_EQ(heard.credentials, "");
        EXPECT_EQ(line_of(heard.lines, "MAIL"), "");
    }
    server.usual();
    server.on("EHLO", {with_starttls, inside_tls});
    EXPECT_EQ(send(), success);
}

TEST_F(tls, plaintext_before_implicit_tls_is_not_listened_to) {
    // The attacker says the greeting and an EHLO reply in clear, and lets TLS through.
    std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
    const identity who = make_identity("server", &authority, "DNS:mail.test");
    SSL_CTX_use_certificate(context.get(), who.cert.get());
    SSL_CTX_use_PrivateKey(context.get(), who.key.get());
    std::atomic<bool> heard_a_command = false;
    loopback_server attacker(
        [&](peer& p) {
            p.send("220 mail.test\r\n250-mail.test\r\n250 AUTH PLAIN\r\n");
            channel line(p);
            if (!line.start_tls(context.get()))
                return;
            line.write("220 mail.test\r\n");
            heard_a_command = line.read_to("\r\n").has_value();
        },
        loopback_family);
    ASSERT_EQ(create_at(loopback(), attacker.port(), with_plain), success);
    ASSERT_EQ(nx_smtp_client_secure_set(&client, NX_SMTP_CLIENT_IMPLICIT_TLS, set_up), success);
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR});
    EXPECT_FALSE(heard_a_command);
}

TEST_F(tls, a_certificate_that_does_not_convince) {
    for (const bool implicit : {false, true}) {
        create_for(implicit ? NX_SMTP_CLIENT_IMPLICIT_TLS : NX_SMTP_CLIENT_STARTTLS);
        serve(implicit, "DNS:other.test");
        EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR}) << "another name";
        EXPECT_EQ(server.heard().credentials, "");
        const identity other = make_identity("Other CA", nullptr, nullptr);
        serve(implicit);
        server.use_tls(make_identity("server", &other, "DNS:mail.test"), implicit);
        EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR}) << "signed by nobody we know";
        serve(implicit);
        EXPECT_EQ(send(), success);
    }
}

TEST_F(tls, a_setup_that_fails) {
    for (const bool implicit : {false, true}) {
        serve(implicit);
        create_for(implicit ? NX_SMTP_CLIENT_IMPLICIT_TLS : NX_SMTP_CLIENT_STARTTLS);
        mine.result = NX_NOT_SUCCESSFUL;
        EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR});
        mine.result = NX_SUCCESS;
        serve(implicit);
        EXPECT_EQ(send(), success);
    }
}

TEST_F(tls, a_server_that_speaks_no_tls) {
    create_for(NX_SMTP_CLIENT_IMPLICIT_TLS);
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR});
    EXPECT_EQ(server.heard().credentials, "");
    nx_hosted_tick_scale(50);
    server.on("greeting", {then_silence});
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_ERROR});
}

TEST_F(tls, credentials_stay_at_home_without_tls) {
    serve(false);
    create_for(NX_SMTP_CLIENT_STARTTLS);
    server.on("EHLO", {"250-mail.test\r\n250 AUTH PLAIN\r\n"});
    EXPECT_EQ(send(), UINT{NX_SMTP_TLS_UNAVAILABLE});
    EXPECT_EQ(server.heard().credentials, "");
}

TEST_F(tls, wrong_arguments_of_secure_set) {
    create();
    EXPECT_EQ(nx_smtp_client_secure_set(&client, NX_SMTP_CLIENT_STARTTLS, nullptr), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_secure_set(nullptr, NX_SMTP_CLIENT_STARTTLS, set_up), UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_smtp_client_secure_set(&client, 3, set_up), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(nx_smtp_client_secure_set(&client, NX_SMTP_CLIENT_NO_TLS, nullptr), success);
    EXPECT_EQ(send(), success);
}

TEST_F(tls, a_pool_that_is_dry_at_any_allocation) {
    serve(false);
    create_for(NX_SMTP_CLIENT_STARTTLS);
    UINT status = NX_NO_PACKET;
    ULONG nth = 0;
    while (status != success && nth < 40) {
        ++nth;
        server.on("EHLO", {with_starttls, inside_tls});
        nx_hosted_pool_fail(&application->control, nth, 1);
        nx_hosted_pool_fail(&stack->control, nth, 1);
        status = send();
        const bool accepted = server.accepted().size() > 0;
        EXPECT_EQ(status == success, accepted) << nth;
        nx_hosted_pool_fail(&application->control, 0, 0);
        nx_hosted_pool_fail(&stack->control, 0, 0);
        expect_clean();
    }
    EXPECT_GE(nth, 5U);
    EXPECT_LT(nth, 40U);
    server.on("EHLO", {with_starttls, inside_tls});
    EXPECT_EQ(send(), success);
}

TEST_F(tls, a_link_cut_anywhere) {
    serve(false);
    create_for(NX_SMTP_CLIENT_STARTTLS, {});
    for (const UINT how : {UINT{NX_HOSTED_BREAK_RESET}, UINT{NX_HOSTED_BREAK_END}}) {
        for (ULONG64 after = 1; after < 2500; after += 61) {
            server.on("EHLO", {with_starttls, inside_tls});
            const auto before = server.accepted().size();
            nx_hosted_receive_break(how, after);
            const UINT status = send();
            nx_hosted_receive_break(NX_HOSTED_BREAK_NONE, 0);
            if (status == success) {
                EXPECT_EQ(server.accepted().size(), before + 1) << after;
            }
            expect_clean();
        }
    }
    server.on("EHLO", {with_starttls, inside_tls});
    EXPECT_EQ(send(), success);
}

} // namespace
