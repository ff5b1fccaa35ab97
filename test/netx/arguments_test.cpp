// The three documented services' argument checks, in their order, by the checked and the unchecked front end,
// and the constants and macros of the interface. Built for both front ends: what the plain names mean is the
// build's choice.
#include "smtp_fixture.hpp"

extern "C" UINT netx_c_caller(NX_IP* ip, NX_PACKET_POOL* pool, NXD_ADDRESS* address, UINT port, UINT* step);
extern "C" UINT netx_c_constants(void);

namespace {

using namespace test;

// The arguments of a create that works; a test spoils one or more.
struct arguments {
    NX_SMTP_CLIENT* client;
    NX_IP* ip;
    NX_PACKET_POOL* pool;
    CHAR* user = name("user");
    CHAR* password = name("secret");
    CHAR* from = name("alice@mail.test");
    CHAR* domain = name("device.test");
    UINT type = NX_SMTP_CLIENT_AUTH_PLAIN;
    NXD_ADDRESS* at = nullptr;
    UINT port = 25;

    UINT checked() {
        return _nxde_smtp_client_create(client, ip, pool, user, password, from, domain, type, at, port);
    }
    UINT unchecked() {
        return _nxd_smtp_client_create(client, ip, pool, user, password, from, domain, type, at, port);
    }
};

class service_arguments : public smtp {
  protected:
    arguments good() {
        arguments a{&client, &ip, &application->control};
        a.at = &address;
        a.port = server.port();
        return a;
    }
    void expect_no_client() {
        std::string body = "x";
        EXPECT_EQ(_nxe_smtp_client_delete(&client), UINT{NX_PTR_ERROR});
        EXPECT_EQ(_nxe_smtp_mail_send(&client, name("bob"), 2, name("s"), body.data(), 1),
                  UINT{NX_SMTP_CLIENT_NOT_INTIALIZED});
    }

    NXD_ADDRESS address = loopback();
};

TEST_F(service_arguments, create_checks_pointers_first) {
    NX_IP none{};
    NXD_ADDRESS nowhere{};
    for (int i = 0; i < 8; ++i) {
        arguments a = good();
        a.at = &nowhere; // wrong too, but later
        a.ip = i == 0 ? nullptr : &none;
        a.client = i == 1 ? nullptr : &client;
        a.pool = i == 2 ? nullptr : a.pool;
        a.from = i == 3 ? nullptr : a.from;
        a.user = i == 4 ? nullptr : a.user;
        a.password = i == 5 ? nullptr : a.password;
        a.domain = i == 6 ? nullptr : a.domain;
        a.at = i == 7 ? nullptr : a.at;
        EXPECT_EQ(a.checked(), UINT{NX_PTR_ERROR}) << i;
    }
    expect_no_client();
}

TEST_F(service_arguments, create_checks_ip_then_address_then_sizes) {
    NX_IP none{};
    NXD_ADDRESS nowhere{};
    const std::string too_long(NX_SMTP_CLIENT_MAX_USERNAME + 1, 'u');
    arguments a = good();
    a.user = name(too_long.c_str());
    a.at = &nowhere;
    a.ip = &none;
    EXPECT_EQ(a.checked(), UINT{NX_SMTP_INVALID_PARAM});
    a.ip = &ip;
    EXPECT_EQ(a.checked(), UINT{NX_IP_ADDRESS_ERROR});
    nowhere.nxd_ip_version = 5;
    EXPECT_EQ(a.checked(), UINT{NX_IP_ADDRESS_ERROR});
    a.at = &address;
    EXPECT_EQ(a.checked(), UINT{NX_SIZE_ERROR});
    expect_no_client();
}

TEST_F(service_arguments, create_takes_texts_up_to_their_limit) {
    const std::string user(NX_SMTP_CLIENT_MAX_USERNAME, 'u');
    const std::string password(NX_SMTP_CLIENT_MAX_PASSWORD, 'p');
    const std::string domain(NX_SMTP_CLIENT_MAX_USERNAME, 'd');
    for (const bool front : {true, false}) {
        for (int i = 0; i < 3; ++i) {
            const std::string longer = (i == 0 ? user : i == 1 ? password : domain) + "x";
            arguments a = good();
            (i == 0 ? a.user : i == 1 ? a.password : a.domain) = name(longer.c_str());
            EXPECT_EQ(front ? a.checked() : a.unchecked(), UINT{NX_SIZE_ERROR}) << i;
            expect_no_client();
        }
        arguments a = good();
        a.user = name(user.c_str());
        a.password = name(password.c_str());
        a.domain = name(domain.c_str());
        EXPECT_EQ(front ? a.checked() : a.unchecked(), success);
        EXPECT_EQ(send(), success);
        EXPECT_EQ(server.heard().credentials, "AUTH PLAIN " + plain(user, password));
        EXPECT_EQ(server.heard().lines[0], "EHLO " + domain);
        EXPECT_EQ(nx_smtp_client_delete(&client), success);
    }
}

TEST_F(service_arguments, user_password_and_domain_are_copied_and_the_sender_is_lent) {
    std::string user = "user";
    std::string password = "secret";
    std::string domain = "device.test";
    std::string from = "alice@mail.test";
    arguments a = good();
    a.user = user.data();
    a.password = password.data();
    a.domain = domain.data();
    a.from = from.data();
    ASSERT_EQ(a.checked(), success);
    user = "XXXX";
    password = "XXXXXX";
    domain = "XXXXXX.test";
    from = "carol@mail.test";
    EXPECT_EQ(send(), success);
    const auto heard = server.heard();
    EXPECT_EQ(heard.lines[0], "EHLO device.test");
    EXPECT_EQ(heard.credentials, "AUTH PLAIN " + plain("user", "secret"));
    EXPECT_TRUE(line_of(heard.lines, "MAIL").starts_with("MAIL FROM:<carol@mail.test>"));
}

TEST_F(service_arguments, other_authentication_types_are_plain) {
    for (const UINT type : {UINT{0}, UINT{NX_SMTP_CLIENT_AUTH_CRAM_MD5}, UINT{4}, UINT{0xFFFE}}) {
        arguments a = good();
        a.type = type;
        ASSERT_EQ(a.checked(), success);
        EXPECT_EQ(send(), success);
        EXPECT_EQ(server.heard().credentials, "AUTH PLAIN " + plain("user", "secret"));
        EXPECT_EQ(nx_smtp_client_delete(&client), success);
    }
}

TEST_F(service_arguments, ports_have_16_bits) {
    arguments a = good();
    a.port = 65536 + server.port();
    ASSERT_EQ(a.checked(), success);
    EXPECT_EQ(send(), success);
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    a.port = 0;
    EXPECT_EQ(a.checked(), success) << "not validated";
}

TEST_F(service_arguments, create_and_delete_work_in_initialisation) {
    arguments a = good();
    tx_hosted_call_as(
        TX_HOSTED_INITIALISATION,
        [](VOID* input) {
            auto& all = *static_cast<arguments*>(input);
            EXPECT_EQ(nxd_smtp_client_create(all.client, all.ip, all.pool, all.user, all.password, all.from,
                                             all.domain, all.type, all.at, all.port),
                      success);
            EXPECT_EQ(nx_smtp_client_delete(all.client), success);
        },
        &a);
    expect_no_client();
}

TEST_F(service_arguments, delete_wipes_the_block_and_works_once) {
    EXPECT_EQ(_nxe_smtp_client_delete(nullptr), UINT{NX_PTR_ERROR});
    expect_no_client();
    for (const bool front : {true, false}) {
        arguments a = good();
        ASSERT_EQ(a.checked(), success);
        EXPECT_EQ(front ? _nxe_smtp_client_delete(&client) : _nx_smtp_client_delete(&client), success);
        const auto* octets = reinterpret_cast<const unsigned char*>(&client);
        EXPECT_TRUE(std::all_of(octets, octets + sizeof client, [](unsigned char c) { return c == 0; }));
        EXPECT_EQ(front ? _nxe_smtp_client_delete(&client) : _nx_smtp_client_delete(&client),
                  UINT{NX_PTR_ERROR});
    }
    EXPECT_EQ(ip.nx_ip_tcp_created_sockets_count, 0U);
}

TEST_F(service_arguments, send_checks_pointers_then_length_then_caller_then_client) {
    std::string body = "Hello";
    CHAR* const to = name("bob@mail.test");
    CHAR* const subject = name("s");
    NX_SMTP_CLIENT none{};
    EXPECT_EQ(_nxe_smtp_mail_send(nullptr, to, 2, subject, body.data(), 0), UINT{NX_PTR_ERROR});
    EXPECT_EQ(_nxe_smtp_mail_send(&none, nullptr, 2, subject, body.data(), 0), UINT{NX_PTR_ERROR});
    EXPECT_EQ(_nxe_smtp_mail_send(&none, to, 2, nullptr, body.data(), 0), UINT{NX_PTR_ERROR});
    EXPECT_EQ(_nxe_smtp_mail_send(&none, to, 2, subject, nullptr, 0), UINT{NX_PTR_ERROR});
    EXPECT_EQ(_nxe_smtp_mail_send(&none, to, 2, subject, body.data(), 0), UINT{NX_SMTP_INVALID_PARAM});
    for (const UINT context : {TX_HOSTED_INITIALISATION, TX_HOSTED_TIMER, TX_HOSTED_INTERRUPT}) {
        tx_hosted_call_as(
            context,
            [](VOID* input) {
                std::string text = "Hello";
                auto* const c = static_cast<NX_SMTP_CLIENT*>(input);
                EXPECT_EQ(_nxe_smtp_mail_send(c, name("bob"), 2, name("s"), text.data(), 0),
                          UINT{NX_SMTP_INVALID_PARAM});
                EXPECT_EQ(_nxe_smtp_mail_send(c, name("bob"), 2, name("s"), text.data(), 5),
                          UINT{NX_CALLER_ERROR});
            },
            &none);
    }
    EXPECT_EQ(_nxe_smtp_mail_send(&none, to, 2, subject, body.data(), 5),
              UINT{NX_SMTP_CLIENT_NOT_INTIALIZED});
    EXPECT_EQ(_nx_smtp_mail_send(&none, to, 2, subject, body.data(), 5), UINT{NX_SMTP_CLIENT_NOT_INTIALIZED});
    ASSERT_EQ(good().checked(), success);
    EXPECT_EQ(_nxe_smtp_mail_send(&client, to, 2, subject, body.data(), 0), UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(server.connections(), 0) << "nothing was sent";
    EXPECT_EQ(_nx_smtp_mail_send(&client, to, 77, subject, body.data(), 5), success)
        << "a priority that is none is NORMAL, by this front end too";
    EXPECT_EQ(field(parts(server.heard().contents.at(0)).first, "Importance"), "(none)");
}

TEST_F(service_arguments, texts_that_break_lines_send_nothing_by_either_front_end) {
    std::string body = "Hello";
    ASSERT_EQ(good().checked(), success);
    for (const char* bad : {"bob\r\n@mail.test", "bob>", ""}) {
        EXPECT_EQ(_nxe_smtp_mail_send(&client, name(bad), 2, name("s"), body.data(), 5),
                  UINT{NX_SMTP_INVALID_PARAM});
        EXPECT_EQ(_nx_smtp_mail_send(&client, name(bad), 2, name("s"), body.data(), 5),
                  UINT{NX_SMTP_INVALID_PARAM});
    }
    EXPECT_EQ(_nx_smtp_mail_send(&client, name("bob"), 2, name("s\r\nX: y"), body.data(), 5),
              UINT{NX_SMTP_INVALID_PARAM});
    EXPECT_EQ(
        _nx_smtp_mail_send(&client, name("bob"), 2, name(std::string(513, 's').c_str()), body.data(), 5),
        UINT{NX_SIZE_ERROR});
    EXPECT_EQ(server.connections(), 0);
}

TEST_F(service_arguments, each_transport_failure_has_its_code) {
    arguments a = good();
    a.port = unused_port();
    ASSERT_EQ(a.checked(), success);
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED}) << "refused";
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    pool tiny(44, 4);
    a = good();
    a.pool = &tiny.control;
    ASSERT_EQ(a.checked(), success);
    EXPECT_EQ(send(), UINT{NX_INVALID_PARAMETERS}) << "no room behind the headers";
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    EXPECT_EQ(tiny.stats().allocated, 0U);
    ASSERT_EQ(good().checked(), success);
    nx_hosted_fail("nx_tcp_client_socket_bind", 1, 1, NX_NO_FREE_PORTS);
    EXPECT_EQ(send(), UINT{NX_NO_FREE_PORTS}) << "codes of NetX are passed on";
    nx_hosted_fail("nxd_tcp_client_socket_connect", 1, 1, NX_IP_ADDRESS_ERROR);
    EXPECT_EQ(send(), UINT{NX_IP_ADDRESS_ERROR});
    nx_hosted_fail("nx_tcp_socket_send", 1, 1, NX_TX_QUEUE_DEPTH);
    EXPECT_EQ(send(), UINT{NX_TX_QUEUE_DEPTH});
    expect_usable();
    nx_hosted_fail("nx_tcp_socket_create", 1, 1, NX_OPTION_ERROR);
    EXPECT_EQ(nx_smtp_client_delete(&client), success);
    EXPECT_EQ(good().unchecked(), UINT{NX_OPTION_ERROR});
    expect_no_client();
    ASSERT_EQ(good().checked(), success);
    nx_hosted_fail("nx_tcp_socket_delete", 1, 1, NX_STILL_BOUND);
    EXPECT_EQ(nx_smtp_client_delete(&client), UINT{NX_STILL_BOUND}) << "the block is left as it was";
    EXPECT_EQ(send(), success);
}

TEST_F(service_arguments, a_c_program_compiles_and_works_unchanged) {
    UINT step = 0;
    EXPECT_EQ(netx_c_caller(&ip, &application->control, &address, server.port(), &step), success)
        << "step " << step;
    const auto heard = server.heard();
    EXPECT_EQ(parts(heard.contents.at(0)).second, "This is a text.\r\n");
    EXPECT_EQ(line_of(heard.lines, "RCPT"), "RCPT TO:<receiver@example.org>");
    EXPECT_EQ(netx_c_constants(), 0U);
}

} // namespace
