// What breaks, everywhere it can break: the pool, the packets' boundaries, the link, the peer's patience.
// After each the pools are as they were, nothing was released twice, and the same client sends again.
//
// Compiled for every set of the stack's options and for both builds of the client.
#include "smtp_fixture.hpp"

#include <chrono>
#include <thread>

namespace {

using namespace test;

class faults : public smtp {
  protected:
    void SetUp() override {
        smtp::SetUp();
        // Two answers of several lines, so that there are boundaries to cut at.
        offer_usual();
        create(with_plain);
    }
    void offer_usual() {
        server.usual();
        server.on("RCPT", {"250-2.1.5 fine\r\n250 2.1.5 ok\r\n"});
    }

    // A send with something wrong. What the client says and what the server has must fit together.
    UINT send_and_judge(const std::string& body = "Hello\r\n.\r\nbye\r\n") {
        const auto before = server.accepted().size();
        const UINT status = send(body);
        const auto accepted = server.accepted();
        if (status == success) {
            EXPECT_EQ(accepted.size(), before + 1) << "success, and the server has nothing";
        }
        if (accepted.size() > before) {
            EXPECT_EQ(parts(accepted.back()).second, canonical(body)) << "accepted, but not what was sent";
        } else {
            EXPECT_NE(status, success);
        }
        judge_outcome(status, accepted.size() > before);
        expect_clean();
        return status;
    }

#ifdef NX_SMTP_CLIENT_MINIMAL
    void judge_outcome(UINT /*status*/, bool /*accepted*/) {}
#else
    void judge_outcome(UINT status, bool accepted) {
        UINT what = 0;
        EXPECT_EQ(nx_smtp_client_outcome_get(&client, 0, &what, nullptr), success);
        EXPECT_EQ(status == success, what == NX_SMTP_OUTCOME_DELIVERED);
        if (accepted && status != success) {
            EXPECT_EQ(what, UINT{NX_SMTP_OUTCOME_IN_DOUBT}) << "the server has it, and we say it has not";
        }
    }
#endif

    // Octets the server sends, and receives, in one mail.
    static constexpr ULONG64 more_than_it_says = 400;
};

TEST_F(faults, a_pool_that_is_dry_at_each_allocation) {
    ULONG nth = 1;
    for (; nth < 60; ++nth) {
        nx_hosted_pool_fail(&application->control, nth, 1);
        const UINT status = send_and_judge(std::string(4000, 'x'));
        const bool struck = application->stats().failures > 0;
        nx_hosted_pool_fail(&application->control, 0, 0);
        ASSERT_EQ(nx_hosted_pool_reset(&application->control), success);
        if (!struck) {
            EXPECT_EQ(status, success);
            break;
        }
        EXPECT_TRUE(status == NX_NO_PACKET || status == success) << nth << ": " << status;
        expect_usable();
        offer_usual();
    }
    EXPECT_GE(nth, 7U) << "EHLO, AUTH, MAIL, RCPT, DATA, content, QUIT";
    EXPECT_LT(nth, 60U) << "a run without a failure was never reached";
}

TEST_F(faults, a_pool_that_stays_dry) {
    for (ULONG nth = 1; nth < 8; ++nth) {
        nx_hosted_pool_fail(&application->control, nth, 0);
        const UINT status = send_and_judge();
        EXPECT_TRUE(status == NX_NO_PACKET || status == success) << nth << ": " << status;
        nx_hosted_pool_fail(&application->control, 0, 0);
        expect_usable();
    }
}

TEST_F(faults, a_pool_that_is_empty_for_a_while) {
    ASSERT_EQ(nx_hosted_pool_dry(&application->control, 60), success);
    EXPECT_EQ(send_and_judge(), success) << "waited for";
    ASSERT_EQ(nx_hosted_pool_dry(&stack->control, 60), success);
    EXPECT_EQ(send_and_judge(), success) << "received data waits for packets too";
    nx_hosted_tick_scale(100);
    ASSERT_EQ(nx_hosted_pool_dry(&application->control, 200), success);
    EXPECT_EQ(send_and_judge(), UINT{NX_NO_PACKET}) << "longer than NX_SMTP_CLIENT_PACKET_TIMEOUT";
    nx_hosted_tick_scale(1);
    ASSERT_EQ(nx_hosted_pool_reset(&application->control), success);
    expect_usable();
}

TEST_F(faults, one_packet_is_enough_for_any_message) {
    pool single(256, 1);
    auto address = loopback();
    NX_SMTP_CLIENT other{};
    ASSERT_EQ(nxd_smtp_client_create(&other, &ip, &single.control, name("user"), name("secret"),
                                     name("alice@mail.test"), name("device.test"), NX_SMTP_CLIENT_AUTH_PLAIN,
                                     &address, server.port()),
              success);
    std::string body(20000, 'x');
    EXPECT_EQ(nx_smtp_mail_send(&other, name("bob@mail.test"), NX_SMTP_MAIL_PRIORITY_NORMAL, name("s"),
                                body.data(), static_cast<UINT>(body.size())),
              success);
    EXPECT_EQ(parts(server.accepted().back()).second, body + "\r\n");
    EXPECT_EQ(nx_smtp_client_delete(&other), success);
    EXPECT_EQ(single.stats().allocated, 0U);
}

TEST_F(faults, received_octets_cut_at_every_boundary) {
    for (ULONG64 at = 1; at < more_than_it_says; ++at) {
        nx_hosted_receive_cut_at(at);
        ASSERT_EQ(send_and_judge(), success) << at;
    }
    nx_hosted_receive_cut_at(0);
    expect_usable();
}

TEST_F(faults, received_octets_one_by_one_and_in_chains) {
    for (const auto& [packet, link] : std::vector<std::pair<ULONG, ULONG>>{
             {1, 0}, {2, 0}, {3, 0}, {5, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 7}, {4, 1}, {9, 2}}) {
        nx_hosted_receive_cut(packet, link);
        EXPECT_EQ(send_and_judge(), success) << packet << ' ' << link;
        server.on("RCPT", {"550-5.1.1 no\r\n550 5.1.1 never\r\n"});
        EXPECT_EQ(send_and_judge(), UINT{NX_SMTP_RCPT_REPLY_ERROR});
        offer_usual();
    }
    nx_hosted_receive_cut(0, 0);
    expect_usable();
}

TEST_F(faults, the_link_is_cut_after_every_received_octet) {
    for (const UINT how : {UINT{NX_HOSTED_BREAK_RESET}, UINT{NX_HOSTED_BREAK_END}}) {
        for (ULONG64 after = 1; after < more_than_it_says; after += after < 100 ? 1 : 3) {
            nx_hosted_receive_break(how, after);
            const UINT status = send_and_judge();
            nx_hosted_receive_break(NX_HOSTED_BREAK_NONE, 0);
            EXPECT_TRUE(status == success || status == NX_NOT_CONNECTED) << after << ": " << status;
            if (after % 20 == 0) {
                expect_usable();
                offer_usual();
            }
        }
        expect_usable();
        offer_usual();
    }
}

TEST_F(faults, the_link_is_cut_after_every_sent_octet) {
    for (const UINT how : {UINT{NX_HOSTED_BREAK_RESET}, UINT{NX_HOSTED_BREAK_END}}) {
        for (ULONG64 after = 1; after < 700; after += 5) {
            nx_hosted_send_break(how, after);
            const UINT status = send_and_judge();
            nx_hosted_send_break(NX_HOSTED_BREAK_NONE, 0);
            EXPECT_TRUE(status == success || status == NX_NOT_CONNECTED) << after << ": " << status;
        }
        expect_usable();
        offer_usual();
    }
}

const std::vector<std::string>& steps() {
    static const std::vector<std::string> all = {"greeting", "EHLO", "AUTH", "MAIL",
                                                 "RCPT",     "DATA", ".",    "QUIT"};
    return all;
}

TEST_F(faults, the_server_ends_or_resets_in_place_of_each_reply) {
    for (const auto& step : steps()) {
        for (const auto& how : {then_end, then_reset, "25" + then_end, "25" + then_reset}) {
            if (step == "EHLO")
                server.on("HELO", {how}); // which is tried next
            server.on(step, {how});
            const UINT status = send_and_judge();
            EXPECT_EQ(status, step == "QUIT" ? success : UINT{NX_NOT_CONNECTED}) << step;
            expect_usable();
            offer_usual();
        }
    }
}

TEST_F(faults, a_time_out_at_each_step) {
    for (const auto& step : steps()) {
        for (const std::string& begun : {std::string(), std::string("250-and")}) {
            nx_hosted_tick_scale(100);
            server.on(step, {begun + then_silence});
            const UINT status = send_and_judge();
            EXPECT_EQ(status, step == "QUIT" ? success : UINT{NX_NO_PACKET}) << step;
            nx_hosted_tick_scale(1);
            expect_usable();
            offer_usual();
        }
    }
}

// A trickle of octets does not extend the wait: the time-out is the whole reply's.
TEST_F(faults, a_reply_in_a_trickle_does_not_hold_the_client_for_ever) {
    loopback_server trickle(
        [](peer& p) {
            for (int i = 0; i < 400 && !p.readable(); ++i) {
                p.send("220-still here\r\n");
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
        },
        loopback_family);
    ASSERT_EQ(create_at(loopback(), trickle.port()), success);
    nx_hosted_tick_scale(100);
    const auto began = std::chrono::steady_clock::now();
    const UINT status = send();
    EXPECT_TRUE(status == NX_NO_PACKET || status == NX_SMTP_GREET_REPLY_ERROR) << status;
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1500));
    expect_clean();
}

TEST_F(faults, the_peers_window_stays_closed) {
    smtp_server deaf(loopback_family, 4096);
    deaf.on("DATA", {"354 go on\r\n" + then_silence});
    nx_hosted_send_limit(4096);
    ASSERT_EQ(create_at(loopback(), deaf.port()), success);
    nx_hosted_tick_scale(50);
    EXPECT_EQ(send(std::string(400'000, 'x')), UINT{NX_WINDOW_OVERFLOW});
    EXPECT_TRUE(deaf.heard().contents.empty());
    expect_clean();
    nx_hosted_tick_scale(1);
    nx_hosted_send_limit(0);
    create(with_plain);
    nx_hosted_tick_scale(100);
    nx_hosted_send_break(NX_HOSTED_BREAK_STALL, 300);
    const UINT status = send_and_judge(std::string(3000, 'x'));
    EXPECT_TRUE(status == NX_WINDOW_OVERFLOW || status == NX_NO_PACKET) << status;
    nx_hosted_send_break(NX_HOSTED_BREAK_NONE, 0);
    nx_hosted_tick_scale(1);
    expect_usable();
}

TEST_F(faults, no_server) {
    expect_usable();
    nx_hosted_redirect(nullptr, 0, unused_port());
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED});
    EXPECT_EQ(client.nx_smtp_client_reply_code_status, 0U) << "of the mail before";
    EXPECT_EQ(send(), UINT{NX_NOT_CONNECTED}) << "the port was not left bound";
    nx_hosted_redirect(nullptr, 0, server.port());
    expect_usable();
}

TEST_F(faults, any_service_of_the_stack_that_fails) {
    for (const char* service :
         {"nx_packet_allocate", "nx_packet_data_append", "nx_tcp_socket_send", "nx_tcp_socket_receive",
          "nx_tcp_client_socket_bind", "nxd_tcp_client_socket_connect"}) {
        for (ULONG nth = 1; nth < 14; ++nth) {
            nx_hosted_fail(service, nth, 1, NX_NOT_SUCCESSFUL);
            const UINT status = send_and_judge();
            EXPECT_TRUE(status == success || status == NX_NOT_SUCCESSFUL) << service << nth << ": " << status;
            nx_hosted_fail(service, 0, 0, 0);
        }
        expect_usable();
        offer_usual();
    }
}

TEST_F(faults, a_server_that_answers_in_advance_is_not_believed) {
    server.on("greeting",
              {"220 hi\r\n250 ok\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n221 bye\r\n"});
    EXPECT_NE(send(), success);
    expect_usable();
    offer_usual();
    server.on("DATA", {"354 go on\r\n250 queued already\r\n"});
    EXPECT_NE(send(std::string(20000, 'x')), success);
    expect_usable();
}

TEST_F(faults, a_reply_that_never_ends) {
    for (const auto& step : steps()) {
        std::string endless;
        for (int i = 0; i < 20000; ++i)
            endless += "250-and another thing\r\n";
        server.on(step, {endless});
        nx_hosted_tick_scale(100);
        const UINT status = send();
        EXPECT_TRUE(step == "QUIT" ? status == success : status != success) << step;
        nx_hosted_tick_scale(1);
        expect_usable();
        offer_usual();
    }
}

} // namespace
