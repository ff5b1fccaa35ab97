// A thousand and ten thousand sessions at once: that they work, what each costs while it is idle, how many
// messages go through.
#include "light_server.hpp"
#include "postrider/pool.hpp"
#include "support.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <malloc.h>
#include <sys/resource.h>

using namespace postrider;
using namespace postrider::test;
namespace asio = boost::asio;
using steady = std::chrono::steady_clock;

namespace {

// The published bound, in octets of the heap for a clear session that is up and idle.
constexpr std::size_t most_per_idle_session = 4096;

// A sanitizer brings an allocator of its own, which tells mallinfo nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_measured = false;
#else
constexpr bool is_measured = true;
#endif

// As many as the system lets a process have, if that is less.
unsigned sessions_of(unsigned wanted) {
    rlimit l{};
    ::getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_cur = l.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &l);
    return static_cast<unsigned>(std::min<rlim_t>(wanted, l.rlim_max - 100));
}

std::size_t heap_in_use() {
    const struct mallinfo2 m = ::mallinfo2();
    return m.uordblks + m.hblkhd;
}

// Of this process, in microseconds.
double cpu_time() {
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

class PoolScale : public testing::TestWithParam<unsigned> {};

TEST_P(PoolScale, SessionsAtOnce) {
    const unsigned sessions = sessions_of(GetParam());
    light_server s(sessions);
    asio::io_context context(1);
    pool_options o;
    o.connections = o.per_server.connections = sessions;
    o.queue = o.per_server.queue = 2 * std::size_t{sessions};
    o.per_server.messages_per_connection = 0;
    pool p(context.get_executor(), o);
    const destination to = p.at(options_for(s.port()));
    const std::string text(1024, 'x');
    std::size_t begun = 0;
    std::size_t delivered = 0;
    std::size_t wanted = sessions;
    std::function<void()> send = [&] {
        ++begun;
        p.async_send(to, mail_to({"somebody@example.org"}, "\r\n" + text + "\r\n"),
                     [&](const send_result& r) {
                         ASSERT_TRUE(r.ok()) << explain(r);
                         ++delivered;
                         if (begun < wanted) {
                             send();
                         }
                     });
    };
    const auto run = [&] {
        while (delivered < wanted || p.count().idle < sessions) {
            ASSERT_GT(context.run_one_for(std::chrono::seconds(40)), 0U);
            if (HasFailure()) {
                return;
            }
        }
    };

    const std::size_t before = heap_in_use();
    auto since = steady::now();
    while (begun < sessions) {
        send();
    }
    run();
    ASSERT_FALSE(HasFailure());
    const std::chrono::duration<double> set_up = steady::now() - since;
    EXPECT_EQ(p.count().connections, sessions) << "the server answered when all of them had a message";
    const std::size_t each = (heap_in_use() - before) / sessions;

    since = steady::now();
    const double cpu_before = cpu_time();
    wanted = begun + 30'000;
    while (begun < wanted - 30'000 + 2 * sessions) { // one for each, and one in the queue
        send();
    }
    run();
    ASSERT_FALSE(HasFailure());
    const std::chrono::duration<double> sending = steady::now() - since;
    const std::size_t afterwards = (heap_in_use() - before) / sessions;
    std::printf("%u sessions: %zu octets each while idle, %zu after more messages; set up in %.2f s; "
                "%.0f messages per second, %.1f us of CPU time for each\n",
                sessions, each, afterwards, set_up.count(), 30'000 / sending.count(),
                (cpu_time() - cpu_before) / 30'000);
    EXPECT_EQ(each > 1'000, is_measured);
    EXPECT_LE(each, most_per_idle_session);
    EXPECT_LE(afterwards, most_per_idle_session);

    bool drained = false;
    p.async_drain([&](const status& r) { drained = r.ok(); });
    context.run();
    EXPECT_TRUE(drained);
}

INSTANTIATE_TEST_SUITE_P(Sessions, PoolScale, testing::Values(1'000U, 10'000U));

} // namespace
