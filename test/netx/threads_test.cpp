// Clients in threads of their own, over one IP instance and one pool: nothing is shared that they did not
// lend.
#include "smtp_fixture.hpp"

#include <thread>

namespace {

using namespace test;

class threads : public smtp {};

// One thread's client: its account, its server, its mails.
class sender {
  public:
    sender(NX_IP& ip, NX_PACKET_POOL& pool, std::string who) : ip_(ip), pool_(pool), who_(std::move(who)) {}

    void run() {
        TX_THREAD me{};
        ASSERT_EQ(tx_hosted_thread_attach(&me, name(who_.c_str())), success);
        auto address = loopback();
        const std::string from = who_ + "@mail.test";
        ASSERT_EQ(nxd_smtp_client_create(&client_, &ip_, &pool_, name(who_.c_str()), name("secret"),
                                         name(from.c_str()), name("device.test"), NX_SMTP_CLIENT_AUTH_PLAIN,
                                         &address, server.port()),
                  success);
        for (std::size_t i = 0; i < mails; ++i) {
            std::string body = who_ + " says " + std::string(i * 700, who_[0]) + "\r\n";
            EXPECT_EQ(nx_smtp_mail_send(&client_, name("bob@mail.test"), NX_SMTP_MAIL_PRIORITY_NORMAL,
                                        name("s"), body.data(), static_cast<UINT>(body.size())),
                      success);
        }
        EXPECT_EQ(nx_smtp_client_delete(&client_), success);
        EXPECT_EQ(tx_hosted_thread_detach(&me), success);
    }

    void expect_all() {
        const auto accepted = server.accepted();
        ASSERT_EQ(accepted.size(), mails);
        for (std::size_t i = 0; i < mails; ++i)
            EXPECT_EQ(parts(accepted[i]).second, who_ + " says " + std::string(i * 700, who_[0]) + "\r\n");
        for (int n = 0; n < server.connections(); ++n)
            EXPECT_EQ(server.heard(n).credentials, "AUTH PLAIN " + plain(who_, "secret"));
    }

    smtp_server server{loopback_family};

  private:
    static constexpr std::size_t mails = 20;

    NX_IP& ip_;
    NX_PACKET_POOL& pool_;
    std::string who_;
    NX_SMTP_CLIENT client_{};
};

TEST_F(threads, two_clients_at_the_same_time) {
    for (const ULONG cut : {ULONG{0}, ULONG{3}}) {
        nx_hosted_receive_cut(cut, cut);
        sender alice(ip, application->control, "alice");
        sender carol(ip, application->control, "carol");
        std::thread one([&] { alice.run(); });
        std::thread two([&] { carol.run(); });
        one.join();
        two.join();
        alice.expect_all();
        carol.expect_all();
    }
}

} // namespace
