#include "loopback_server.hpp"
#include "netx_fixture.hpp"
#include "nx_secure_tls_api.h"
#include "tls_identity.hpp"

#include <array>
#include <ctime>
#include <memory>

namespace {

using test::client;
using test::contents;
using test::der;
using test::freed_by;
using test::identity;
using test::loopback_server;
using test::make_identity;
using test::peer;

// A TLS server that echoes, ends politely when told "end", and remembers the name it was asked for.
class tls_server {
  public:
    explicit tls_server(const identity& who)
        : context_(SSL_CTX_new(TLS_server_method())), server_([this](peer& p) { serve(p); }) {
        SSL_CTX_use_certificate(context_.get(), who.cert.get());
        SSL_CTX_use_PrivateKey(context_.get(), who.key.get());
    }
    unsigned port() const { return server_.port(); }
    SSL_CTX* context() { return context_.get(); }
    std::string asked_for;

  private:
    void serve(peer& p) {
        std::unique_ptr<SSL, freed_by<SSL_free>> ssl(SSL_new(context_.get()));
        SSL_set_fd(ssl.get(), p.fd());
        if (SSL_accept(ssl.get()) != 1)
            return;
        if (const char* name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name); name != nullptr)
            asked_for = name;
        std::array<char, 20000> part{};
        for (int got = 1; got > 0;) {
            got = SSL_read(ssl.get(), part.data(), part.size());
            if (got == 3 && std::string_view(part.data(), 3) == "end") {
                SSL_shutdown(ssl.get());
                p.closed_by_peer();
                return;
            }
            if (got > 0)
                SSL_write(ssl.get(), part.data(), got);
        }
    }

    std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>> context_;
    loopback_server server_;
};

ULONG name_status = 0;
std::string seen_name;

ULONG check_name(NX_SECURE_TLS_SESSION* /*session*/, NX_SECURE_X509_CERT* cert) {
    const auto& name = cert->nx_secure_x509_distinguished_name;
    seen_name.assign(reinterpret_cast<const char*>(name.nx_secure_x509_common_name),
                     name.nx_secure_x509_common_name_length);
    static const UCHAR wanted[] = "mail.example.org";
    name_status = nx_secure_x509_common_name_dns_check(cert, wanted, sizeof wanted - 1);
    return name_status;
}

ULONG now() {
    return static_cast<ULONG>(std::time(nullptr));
}

class secure : public test::netx {
  protected:
    void SetUp() override {
        netx::SetUp();
        nx_secure_tls_initialize();
        authority = make_identity("Test CA", nullptr, nullptr);
        authority_der = der(authority.cert.get());
    }

    void set_up_session(bool trust = true) {
        ASSERT_EQ(nx_secure_tls_session_create(&session, &nx_crypto_tls_ciphers_ecc, metadata.data(),
                                               sizeof metadata),
                  UINT{NX_SUCCESS});
        ASSERT_EQ(nx_secure_tls_ecc_initialize(&session, nx_crypto_ecc_supported_groups,
                                               static_cast<USHORT>(nx_crypto_ecc_supported_groups_size),
                                               nx_crypto_ecc_curves),
                  UINT{NX_SUCCESS});
        ASSERT_EQ(nx_secure_tls_session_packet_buffer_set(&session, buffer.data(), sizeof buffer),
                  UINT{NX_SUCCESS});
        ASSERT_EQ(nx_secure_tls_session_packet_pool_set(&session, &application->control), UINT{NX_SUCCESS});
        ASSERT_EQ(nx_secure_x509_certificate_initialize(&trusted, authority_der.data(),
                                                        static_cast<USHORT>(authority_der.size()), NX_NULL, 0,
                                                        NX_NULL, 0, NX_SECURE_X509_KEY_TYPE_NONE),
                  UINT{NX_SUCCESS});
        if (trust) {
            ASSERT_EQ(nx_secure_tls_trusted_certificate_add(&session, &trusted), UINT{NX_SUCCESS});
        }
        ASSERT_EQ(nx_secure_tls_session_time_function_set(&session, now), UINT{NX_SUCCESS});
        ASSERT_EQ(nx_secure_tls_session_certificate_callback_set(&session, check_name), UINT{NX_SUCCESS});
    }

    UINT connect_and_start(client& c, unsigned port) {
        EXPECT_EQ(c.connect(port), UINT{NX_SUCCESS});
        return nx_secure_tls_session_start(&session, &c.socket, 500);
    }

    UINT start(const identity& who, bool trust = true) {
        tls_server server(who);
        set_up_session(trust);
        client c(ip);
        const UINT status = connect_and_start(c, server.port());
        nx_secure_tls_session_end(&session, 100);
        EXPECT_EQ(nx_secure_tls_session_delete(&session), UINT{NX_SUCCESS});
        return status;
    }

    UINT send(const std::string& text) {
        NX_PACKET* packet = nullptr;
        UINT status = nx_secure_tls_packet_allocate(&session, &application->control, &packet, 200);
        if (status == NX_SUCCESS)
            status = nx_packet_data_append(packet, const_cast<char*>(text.data()),
                                           static_cast<ULONG>(text.size()), &application->control, 200);
        if (status == NX_SUCCESS)
            status = nx_secure_tls_session_send(&session, packet, 200);
        if (status != NX_SUCCESS && packet != nullptr)
            nx_packet_release(packet);
        return status;
    }

    std::string receive_all(std::size_t size) {
        std::string all;
        while (all.size() < size) {
            NX_PACKET* packet = nullptr;
            if (nx_secure_tls_session_receive(&session, &packet, 500) != NX_SUCCESS)
                break;
            all += contents(packet);
            nx_packet_release(packet);
        }
        return all;
    }

    identity authority;
    std::vector<UCHAR> authority_der;
    NX_SECURE_TLS_SESSION session{};
    NX_SECURE_X509_CERT trusted{};
    std::array<UCHAR, 10240> metadata{};
    std::array<UCHAR, 4000> buffer{};
};

TEST_F(secure, a_verified_server_is_talked_to) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    tls_server server(who);
    set_up_session();
    NX_SECURE_X509_DNS_NAME name{};
    static const UCHAR host[] = "mail.example.org";
    ASSERT_EQ(nx_secure_x509_dns_name_initialize(&name, host, sizeof host - 1), UINT{NX_SUCCESS});
    ASSERT_EQ(nx_secure_tls_session_sni_extension_set(&session, &name), UINT{NX_SUCCESS});
    {
        client c(ip);
        ASSERT_EQ(connect_and_start(c, server.port()), UINT{NX_SUCCESS});
        EXPECT_EQ(seen_name, "mail.example.org");
        ASSERT_EQ(send("hello"), UINT{NX_SUCCESS});
        EXPECT_EQ(receive_all(5), "hello");
        const std::string large(9000, 'z');
        ASSERT_EQ(send(large), UINT{NX_SUCCESS});
        EXPECT_EQ(receive_all(large.size()), large);
        EXPECT_EQ(nx_secure_tls_session_end(&session, 200), UINT{NX_SUCCESS});
        EXPECT_EQ(nx_tcp_socket_disconnect(&c.socket, 300), UINT{NX_SUCCESS});
    }
    EXPECT_EQ(server.asked_for, "mail.example.org");
    EXPECT_EQ(nx_secure_tls_session_delete(&session), UINT{NX_SUCCESS});
}

TEST_F(secure, a_session_starts_again_on_a_new_connection) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    tls_server server(who);
    set_up_session();
    for (int i = 0; i < 2; ++i) {
        client c(ip);
        ASSERT_EQ(connect_and_start(c, server.port()), UINT{NX_SUCCESS});
        ASSERT_EQ(send("again"), UINT{NX_SUCCESS});
        EXPECT_EQ(receive_all(5), "again");
        EXPECT_EQ(nx_secure_tls_session_end(&session, 200), UINT{NX_SUCCESS});
    }
    EXPECT_EQ(nx_secure_tls_session_delete(&session), UINT{NX_SUCCESS});
}

TEST_F(secure, octet_by_octet_and_chained_it_is_the_same) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    tls_server server(who);
    nx_hosted_receive_cut(1, 0);
    set_up_session();
    client c(ip);
    ASSERT_EQ(connect_and_start(c, server.port()), UINT{NX_SUCCESS});
    ASSERT_EQ(send("cut"), UINT{NX_SUCCESS});
    EXPECT_EQ(receive_all(3), "cut");
    nx_hosted_receive_cut(0, 2);
    ASSERT_EQ(send("chained"), UINT{NX_SUCCESS});
    NX_PACKET* packet = nullptr;
    ASSERT_EQ(nx_secure_tls_session_receive(&session, &packet, 500), UINT{NX_SUCCESS});
    EXPECT_EQ(contents(packet), "chained");
    EXPECT_NE(packet->nx_packet_next, nullptr);
    nx_packet_release(packet);
    nx_secure_tls_session_end(&session, 200);
    nx_secure_tls_session_delete(&session);
}

TEST_F(secure, the_servers_end_is_an_alert) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    tls_server server(who);
    set_up_session();
    client c(ip);
    ASSERT_EQ(connect_and_start(c, server.port()), UINT{NX_SUCCESS});
    ASSERT_EQ(send("end"), UINT{NX_SUCCESS});
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_secure_tls_session_receive(&session, &packet, 500), UINT{NX_SECURE_TLS_ALERT_RECEIVED});
    EXPECT_EQ(packet, nullptr);
    UINT level = 0;
    UINT value = 99;
    EXPECT_EQ(nx_secure_tls_session_alert_value_get(&session, &level, &value), UINT{NX_SUCCESS});
    EXPECT_EQ(value, UINT{NX_SECURE_TLS_ALERT_CLOSE_NOTIFY});
    nx_secure_tls_session_end(&session, 100);
    nx_secure_tls_session_delete(&session);
}

TEST_F(secure, untrusted_expired_and_misnamed_servers_have_their_codes) {
    const auto good = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    EXPECT_EQ(start(good), UINT{NX_SUCCESS});
    EXPECT_EQ(start(good, false), UINT{NX_SECURE_X509_ISSUER_CERTIFICATE_NOT_FOUND});
    EXPECT_EQ(start(make_identity("mail.example.org", &authority, "DNS:mail.example.org", -10)),
              UINT{NX_SECURE_X509_CERTIFICATE_EXPIRED});
    EXPECT_EQ(start(make_identity("mail.example.org", nullptr, nullptr)),
              UINT{NX_SECURE_X509_INVALID_SELF_SIGNED_CERT});
    EXPECT_EQ(start(make_identity("other", &authority, "DNS:other.example.org")),
              UINT{NX_SECURE_X509_CERTIFICATE_DNS_MISMATCH});
    EXPECT_EQ(start(make_identity("other", &authority, "DNS:*.example.org")), UINT{NX_SUCCESS});
    EXPECT_EQ(start(make_identity("other", &authority, "DNS:*.org")),
              UINT{NX_SECURE_X509_CERTIFICATE_DNS_MISMATCH});
}

TEST_F(secure, without_curves_only_rsa_suites_are_offered) {
    tls_server elliptic(make_identity("mail.example.org", &authority, "DNS:mail.example.org"));
    set_up_session();
    session.nx_secure_tls_hosted_ecc = NX_FALSE;
    {
        client c(ip);
        EXPECT_EQ(connect_and_start(c, elliptic.port()), UINT{NX_SECURE_TLS_ALERT_RECEIVED});
    }
    tls_server rsa(make_identity("mail.example.org", &authority, "DNS:mail.example.org", 3600, true));
    {
        client c(ip);
        EXPECT_EQ(connect_and_start(c, rsa.port()), UINT{NX_SUCCESS});
        nx_secure_tls_session_end(&session, 100);
    }
    nx_secure_tls_session_delete(&session);
}

TEST_F(secure, a_server_that_speaks_no_tls_is_an_error) {
    loopback_server server([](peer& p) {
        p.send("220 plain text speaks here\r\n");
        p.closed_by_peer();
    });
    set_up_session();
    client c(ip);
    EXPECT_EQ(connect_and_start(c, server.port()), UINT{NX_SECURE_TLS_UNKNOWN_TLS_VERSION});
    nx_secure_tls_session_delete(&session);
}

TEST_F(secure, a_silent_server_costs_the_wait_and_a_lost_one_the_connection) {
    nx_hosted_tick_scale(10);
    set_up_session();
    {
        loopback_server silent([](peer& p) { p.read_to_end(); });
        client c(ip);
        ASSERT_EQ(c.connect(silent.port()), UINT{NX_SUCCESS});
        EXPECT_EQ(nx_secure_tls_session_start(&session, &c.socket, 50), UINT{NX_NO_PACKET});
    }
    {
        loopback_server gone([](peer& p) {
            p.read(10);
            p.reset();
        });
        client c(ip);
        EXPECT_EQ(connect_and_start(c, gone.port()), UINT{NX_NOT_CONNECTED});
    }
    nx_secure_tls_session_delete(&session);
}

TEST_F(secure, every_failing_allocation_ends_with_an_error_and_no_leak) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    tls_server server(who);
    int failures = 0;
    for (ULONG nth = 1; nth < 20; ++nth) {
        set_up_session();
        nx_hosted_pool_fail(&application->control, nth, 0);
        {
            client c(ip);
            UINT status = connect_and_start(c, server.port());
            if (status == NX_SUCCESS)
                status = send("x");
            if (status == NX_SUCCESS && receive_all(1) != "x")
                status = NX_NO_PACKET;
            if (status != NX_SUCCESS) {
                EXPECT_EQ(status, UINT{NX_NO_PACKET});
                ++failures;
            }
            nx_secure_tls_session_end(&session, 100);
        }
        nx_hosted_pool_fail(&application->control, 0, 0);
        nx_secure_tls_session_delete(&session);
        EXPECT_EQ(application->stats().allocated, 0U);
    }
    EXPECT_GE(failures, 4) << "hello, finished, data sent, data received";
    EXPECT_LT(failures, 19);
}

TEST_F(secure, limits_and_order_of_the_set_up) {
    NX_PACKET* packet = nullptr;
    EXPECT_EQ(nx_secure_tls_session_create(&session, &nx_crypto_tls_ciphers_ecc, metadata.data(), 100),
              UINT{NX_SECURE_TLS_INSUFFICIENT_METADATA_SPACE});
    set_up_session();
    EXPECT_EQ(
        nx_secure_tls_session_create(&session, &nx_crypto_tls_ciphers_ecc, metadata.data(), sizeof metadata),
        UINT{NX_PTR_ERROR});
    EXPECT_EQ(nx_secure_tls_session_packet_buffer_set(&session, buffer.data(), 3999),
              UINT{NX_INVALID_PARAMETERS});
    EXPECT_EQ(nx_secure_tls_packet_allocate(&session, &application->control, &packet, 0),
              UINT{NX_SECURE_TLS_SESSION_UNINITIALIZED});
    EXPECT_EQ(nx_secure_tls_session_receive(&session, &packet, 0), UINT{NX_SECURE_TLS_SESSION_UNINITIALIZED});
    NX_SECURE_X509_CERT broken{};
    EXPECT_EQ(nx_secure_x509_certificate_initialize(&broken, buffer.data(), 100, NX_NULL, 0, NX_NULL, 0, 0),
              UINT{NX_SECURE_X509_INVALID_CERTIFICATE});
    EXPECT_EQ(nx_secure_tls_session_delete(&session), UINT{NX_SUCCESS});
    EXPECT_EQ(nx_secure_tls_session_delete(&session), UINT{NX_PTR_ERROR});
}

TEST_F(secure, too_little_room_for_the_servers_certificates) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    tls_server server(who);
    set_up_session();
    NX_SECURE_X509_CERT space{};
    UCHAR few[64];
    ASSERT_EQ(nx_secure_tls_remote_certificate_allocate(&session, &space, few, sizeof few), UINT{NX_SUCCESS});
    client c(ip);
    EXPECT_EQ(connect_and_start(c, server.port()), UINT{NX_SECURE_TLS_INSUFFICIENT_CERT_SPACE});
    nx_secure_tls_session_delete(&session);
}

TEST_F(secure, what_a_certificate_is_for) {
    const auto who = make_identity("mail.example.org", &authority, "DNS:mail.example.org");
    auto data = der(who.cert.get());
    NX_SECURE_X509_CERT cert{};
    ASSERT_EQ(nx_secure_x509_certificate_initialize(&cert, data.data(), static_cast<USHORT>(data.size()),
                                                    NX_NULL, 0, NX_NULL, 0, 0),
              UINT{NX_SUCCESS});
    EXPECT_EQ(
        nx_secure_x509_extended_key_usage_extension_parse(&cert, NX_SECURE_TLS_X509_TYPE_PKIX_KP_SERVER_AUTH),
        UINT{NX_SECURE_X509_SUCCESS});
    EXPECT_EQ(
        nx_secure_x509_extended_key_usage_extension_parse(&cert, NX_SECURE_TLS_X509_TYPE_PKIX_KP_CLIENT_AUTH),
        UINT{NX_SECURE_X509_EXT_KEY_USAGE_NOT_FOUND});
    USHORT usage = 0;
    EXPECT_EQ(nx_secure_x509_key_usage_extension_parse(&cert, &usage), UINT{NX_SECURE_X509_SUCCESS});
    EXPECT_EQ(usage, NX_SECURE_X509_KEY_USAGE_DIGITAL_SIGNATURE | NX_SECURE_X509_KEY_USAGE_KEY_ENCIPHERMENT);
}

} // namespace
