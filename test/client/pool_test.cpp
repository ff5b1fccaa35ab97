// The pool: limits are measured from the servers' side, and every message gets exactly one answer.
#include "client/identity.hpp"
#include "client/known_trust.hpp"
#include "client/pace.hpp"
#include "crowd_server.hpp"
#include "postrider/pool.hpp"
#include "sink/sink.hpp"
#include "support.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>

using namespace postrider;
using namespace postrider::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using steady = std::chrono::steady_clock;

// Asio ends its count of references with a fence, which ThreadSanitizer does not understand.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race:shared_target_executor\n";
}

namespace {

outgoing mail_number(std::size_t i, const std::string& domain = "example.org") {
    return mail_to({std::to_string(i) + "@" + domain}, "Subject: hello\r\n\r\nText\r\n");
}

client_options known_as(std::uint16_t port, const std::string& name) {
    client_options o = options_for(port);
    o.client_name = name;
    return o;
}

pool_options usual() {
    pool_options o;
    o.implicit_strand = implicit_strand();
    return o;
}

// Answers of messages that were sent together, and how often each was given.
struct answers {
    std::mutex mutex;
    std::vector<send_result> results;
    std::vector<int> given;
    std::vector<steady::time_point> at;

    void send(pool& p, const destination& to, std::size_t count) {
        std::size_t first = 0;
        {
            const std::lock_guard lock(mutex);
            first = results.size();
            results.resize(first + count);
            given.resize(first + count);
            at.resize(first + count);
        }
        for (std::size_t i = first; i < first + count; ++i) {
            p.async_send(to, mail_number(i), [this, i](send_result r) { note(i, std::move(r)); });
        }
    }
    void note(std::size_t i, send_result r) {
        const std::lock_guard lock(mutex);
        results[i] = std::move(r);
        ++given[i];
        at[i] = steady::now();
    }
    std::size_t with(errc e) const {
        return static_cast<std::size_t>(std::count_if(results.begin(), results.end(),
                                                      [e](const send_result& r) { return r.error == e; }));
    }
    void expect_all(errc e, disposition d) const {
        for (std::size_t i = 0; i < results.size(); ++i) {
            EXPECT_EQ(given[i], 1) << i;
            EXPECT_EQ(results[i].error, e) << i << " " << explain(results[i]);
            EXPECT_TRUE(results[i].all(d)) << i << " " << explain(results[i]);
            EXPECT_NE(results[i].connection, nullptr) << i;
        }
    }
    void expect_delivered() const { expect_all(errc::ok, disposition::delivered); }
};

status drain_and_run(asio::io_context& context, pool& p) {
    status ended;
    ended.error = errc::unexpected_reply;
    p.async_drain([&](status s) { ended = std::move(s); });
    context.restart();
    context.run();
    return ended;
}

std::map<unsigned, unsigned> per_connection(const clerk& c) {
    std::map<unsigned, unsigned> all;
    for (const clerk::taken& t : c.all()) {
        ++all[t.connection];
    }
    return all;
}

void expect_each_once(const clerk& c, std::size_t count) {
    std::map<std::string, int> seen;
    for (const clerk::taken& t : c.all()) {
        ++seen[t.recipient];
    }
    EXPECT_EQ(seen.size(), count);
    for (const auto& [who, times] : seen) {
        EXPECT_EQ(times, 1) << who;
    }
}

std::string slow_answer(std::chrono::milliseconds each) {
    std::this_thread::sleep_for(each);
    return "";
}

// A door that scripts wait at.
class gate {
  public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 10s, [this] { return open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

// --- limits of a server ---

TEST(PoolLimits, ConnectionsAreSharedAndBounded) {
    clerk mail([](unsigned, const std::string& command) {
        return command.starts_with("MAIL") ? slow_answer(1ms) : "";
    });
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 4;
    pool p(context.get_executor(), o);
    answers a;
    a.send(p, p.at(options_for(s.port())), 200);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    expect_each_once(mail, 200);
    EXPECT_EQ(s.connections(), 4U);
    EXPECT_EQ(s.most_at_once(), 4U);
    EXPECT_EQ(mail.farewells(), 4U);
    for (const auto& [n, messages] : per_connection(mail)) {
        EXPECT_GT(messages, 20U) << "connection " << n;
    }
    EXPECT_EQ(s.trouble(), "");
}

TEST(PoolLimits, FewMessagesOpenFewConnections) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool p(context.get_executor(), usual());
    const destination to = p.at(options_for(s.port()));
    answers a;
    // One after the other, they all go over the same connection.
    std::function<void(int)> next = [&](int left) {
        p.async_send(to, mail_number(static_cast<std::size_t>(left)), [&, left](send_result r) {
            EXPECT_TRUE(r.ok()) << explain(r);
            if (left > 1) {
                next(left - 1);
            } else {
                p.async_drain([](const status&) {});
            }
        });
    };
    next(20);
    context.run();
    EXPECT_EQ(s.connections(), 1U);
    EXPECT_EQ(mail.count(), 20U);
}

TEST(PoolLimits, HoldForAllDestinationsAtTheServerTogether) {
    std::mutex mutex;
    std::map<unsigned, std::string> hello;
    clerk mail([&](unsigned n, const std::string& command) {
        if (command.starts_with("EHLO ")) {
            const std::lock_guard lock(mutex);
            hello[n] = command.substr(5);
        }
        return std::string();
    });
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 3;
    pool p(context.get_executor(), o);
    answers a;
    std::set<std::string> names;
    for (int i = 0; i < 8; ++i) {
        names.insert("client" + std::to_string(i) + ".test");
    }
    for (const std::string& name : names) {
        a.send(p, p.at(known_as(s.port(), name)), 50);
    }
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    expect_each_once(mail, 400);
    EXPECT_LE(s.most_at_once(), 3U);
    // Nobody's message went over somebody else's connection: 50 in a row have one sender.
    for (const clerk::taken& t : mail.all()) {
        const std::size_t sender = std::stoul(t.recipient) / 50;
        EXPECT_EQ(hello[t.connection], *std::next(names.begin(), static_cast<std::ptrdiff_t>(sender)));
    }
}

TEST(PoolLimits, MessagesPerConnection) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 2;
    o.per_server.messages_per_connection = 7;
    pool p(context.get_executor(), o);
    answers a;
    client_options with_window = options_for(s.port());
    with_window.window = 4;
    a.send(p, p.at(options_for(s.port())), 60);
    a.send(p, p.at(with_window), 60);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    expect_each_once(mail, 120);
    EXPECT_LE(s.most_at_once(), 2U);
    EXPECT_EQ(mail.farewells(), s.connections());
    for (const auto& [n, messages] : per_connection(mail)) {
        EXPECT_LE(messages, 7U) << "connection " << n;
    }
}

TEST(PoolLimits, NoMessageIsTheLastOfAConnection) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.connections = 1;
    pool p(context.get_executor(), o);
    int delivered = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        outgoing one = mail_number(i);
        one.last = true;
        p.async_send(p.at(options_for(s.port())), std::move(one),
                     [&](const send_result& r) { delivered += r.all_delivered() ? 1 : 0; });
    }
    EXPECT_TRUE(drain_and_run(context, p).ok());
    EXPECT_EQ(delivered, 5);
    EXPECT_EQ(s.connections(), 1U);
}

TEST(PoolLimits, MessagesPerSecond) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 4;
    pool p(context.get_executor(), o);
    server_limits l = o.per_server;
    l.messages_per_second = 100;
    p.limit(options_for(s.port()).server, l);
    answers a;
    a.send(p, p.at(known_as(s.port(), "a.test")), 40);
    a.send(p, p.at(known_as(s.port(), "b.test")), 40);
    const auto since = steady::now();
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    EXPECT_GE(steady::now() - since, 770ms) << "80 at 100 per second";
    EXPECT_LT(steady::now() - since, 5s);
    const auto all = mail.all();
    ASSERT_EQ(all.size(), 80U);
    // In any 300 milliseconds 30, two for the slack, and a few that the machine delayed into them.
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto end = std::count_if(all.begin(), all.end(), [&](const clerk::taken& t) {
            return t.at >= all[i].at && t.at < all[i].at + 300ms;
        });
        EXPECT_LE(end, 42) << i;
    }
    // Half way through, both senders have sent about as much.
    const auto of_a = std::count_if(all.begin(), all.begin() + 40,
                                    [](const clerk::taken& t) { return std::stoul(t.recipient) < 40; });
    EXPECT_NEAR(static_cast<double>(of_a), 20, 8);
}

TEST(PoolLimits, PaceLetsThroughWhatItShould) {
    line::pace p(1000);
    const line::pace::time_point start = steady::now();
    EXPECT_EQ(p.available(start), 11U) << "a hundredth of a second's worth, and this one";
    for (int i = 0; i < 11; ++i) {
        EXPECT_GT(p.available(start), 0U);
        p.take(start);
    }
    EXPECT_EQ(p.available(start), 0U);
    EXPECT_EQ(p.next(start), start + 1ms);
    EXPECT_EQ(p.available(start + 1ms), 1U);
    EXPECT_EQ(p.next(start, 3), start + 4ms);
    EXPECT_EQ(p.available(start + 1h), 11U) << "a pause saves nothing up";
    line::pace slow(0.5);
    slow.take(start);
    EXPECT_EQ(slow.available(start + 1980ms), 0U);
    EXPECT_EQ(slow.available(start + 2s), 1U);
    EXPECT_FALSE(line::pace(0).is_limited());
    EXPECT_GT(line::pace(0).available(start), 1'000'000U);
    EXPECT_EQ(line::pace(1e-30).next(start, 1) - start, 24h - line::pace::slack);
}

TEST(PoolLimits, AnIdleSessionIsEndedAndTheContextComesToItsEnd) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.idle = 60ms;
    pool p(context.get_executor(), o);
    answers a;
    a.send(p, p.at(options_for(s.port())), 3);
    const auto since = steady::now();
    context.run();
    EXPECT_GE(steady::now() - since, 60ms);
    EXPECT_LT(steady::now() - since, 3s);
    a.expect_delivered();
    EXPECT_EQ(mail.farewells(), s.connections());
    EXPECT_EQ(p.count().connections, 0U);
    a.send(p, p.at(options_for(s.port())), 1);
    context.restart();
    context.run();
    a.expect_delivered();
}

TEST(PoolLimits, FewerConnectionsFromNowOn) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 6;
    pool p(context.get_executor(), o);
    answers a;
    const destination to = p.at(options_for(s.port()));
    a.send(p, to, 60);
    while (p.count().under_way + p.count().waiting > 0) {
        context.run_one();
    }
    EXPECT_EQ(p.count().connections, 6U);
    server_limits l;
    l.connections = 1;
    p.limit(options_for(s.port()).server, l);
    while (p.count().connections > 1) {
        context.run_one();
    }
    a.send(p, to, 60);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    EXPECT_EQ(s.connections(), 6U) << "the one that stayed was enough";
}

// --- limits of the pool, and turns ---

TEST(PoolTurns, PlacesOfThePoolGoRoundTheServers) {
    std::deque<clerk> mail;
    std::deque<crowd_server> servers;
    std::atomic<unsigned> most{0};
    for (int i = 0; i < 6; ++i) {
        clerk& c = mail.emplace_back([](unsigned, const std::string& command) {
            return command.starts_with("MAIL") ? slow_answer(1ms) : "";
        });
        const auto open = [&servers] {
            unsigned sum = 0;
            for (const crowd_server& s : servers) {
                sum += s.open();
            }
            return sum;
        };
        servers.emplace_back([&, open](peer& p, unsigned n) {
            unsigned now = open();
            // A server may not have heard yet that its client has left.
            for (int tries = 0; tries < 5 && now > 2; ++tries) {
                std::this_thread::sleep_for(1ms);
                now = open();
            }
            for (unsigned seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
            }
            c(p, n);
        });
    }
    asio::io_context context;
    pool_options o = usual();
    o.connections = 2;
    o.per_server.connections = 2;
    pool p(context.get_executor(), o);
    answers a;
    for (const crowd_server& s : servers) {
        a.send(p, p.at(options_for(s.port())), 100);
    }
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    EXPECT_LE(most, 2U);
    EXPECT_GT(most, 0U);
    // The server that came last was served long before the first one was through.
    const auto at = [&](std::size_t server, std::size_t message) {
        return mail[server].all().at(message).at;
    };
    EXPECT_LT(at(5, 0), at(0, 50));
    EXPECT_LT(at(5, 40), at(0, 99));
}

TEST(PoolTurns, SlowAndDeadServersDoNotStarveTheOthers) {
    clerk slow_mail([](unsigned, const std::string&) { return slow_answer(30ms); });
    clerk fast_mail;
    crowd_server slow(std::ref(slow_mail));
    crowd_server dead([](peer& p, unsigned) { p.stall(); }); // takes connections, and says nothing
    crowd_server fast(std::ref(fast_mail));
    asio::io_context context;
    pool_options o = usual();
    o.connections = 5;
    o.per_server.connections = 2;
    pool p(context.get_executor(), o);
    answers to_slow;
    answers to_dead;
    answers to_fast;
    client_options dying = options_for(dead.port());
    dying.timeouts.greeting = 700;
    to_slow.send(p, p.at(options_for(slow.port())), 30);
    to_dead.send(p, p.at(dying), 30);
    to_fast.send(p, p.at(options_for(fast.port())), 300);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    to_slow.expect_delivered();
    to_fast.expect_delivered();
    to_dead.expect_all(errc::timed_out, disposition::transient);
    EXPECT_LE(slow.most_at_once(), 2U);
    EXPECT_LE(dead.most_at_once(), 2U);
    const auto end = [](const answers& a) { return *std::max_element(a.at.begin(), a.at.end()); };
    EXPECT_LT(end(to_fast), end(to_slow));
    EXPECT_LT(end(to_fast), *std::min_element(to_dead.at.begin(), to_dead.at.end()));
}

TEST(PoolTurns, IdleSessionsGiveWay) {
    clerk mail[3];
    crowd_server a(std::ref(mail[0]));
    crowd_server b(std::ref(mail[1]));
    crowd_server c(std::ref(mail[2]));
    asio::io_context context;
    pool_options o = usual();
    o.connections = 2;
    pool p(context.get_executor(), o);
    answers all;
    std::deque<crowd_server*> order{&a, &b, &c, &a};
    for (const crowd_server* const s : order) {
        all.send(p, p.at(options_for(s->port())), 1);
        const auto until = steady::now() + 5s;
        while (all.given.back() == 0 && steady::now() < until) {
            context.run_one_for(100ms);
        }
    }
    EXPECT_EQ(p.count().idle, 2U);
    p.close();
    context.run();
    all.expect_delivered();
    EXPECT_EQ(a.connections(), 2U);
    EXPECT_EQ(b.connections(), 1U);
}

TEST(PoolTurns, DestinationsOfOneServerGiveWayToEachOther) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 1;
    pool p(context.get_executor(), o);
    answers all;
    for (const char* const name : {"a.test", "b.test", "c.test"}) {
        all.send(p, p.at(known_as(s.port(), name)), 100);
    }
    EXPECT_TRUE(drain_and_run(context, p).ok());
    all.expect_delivered();
    EXPECT_EQ(s.most_at_once(), 1U);
    const auto seen = mail.all();
    const auto first_of_c = std::find_if(
        seen.begin(), seen.end(), [](const clerk::taken& t) { return std::stoul(t.recipient) >= 200; });
    EXPECT_LT(first_of_c - seen.begin(), 40);
    EXPECT_LT(s.connections(), 60U) << "but each has a turn of some messages";
}

// --- trouble ---

TEST(PoolTrouble, ARefusedConnectionAnswersAllThatWait) {
    std::uint16_t port = 0;
    {
        crowd_server gone([](peer&, unsigned) {});
        port = gone.port();
    }
    asio::io_context context;
    pool_options o = usual();
    o.back_off = 100ms;
    pool p(context.get_executor(), o);
    answers a;
    const destination to = p.at(options_for(port));
    a.send(p, to, 50);
    const auto since = steady::now();
    context.run();
    EXPECT_LT(steady::now() - since, 90ms + 1s);
    a.expect_all(errc::connection_refused, disposition::transient);
    EXPECT_EQ(a.results[49].connection->attempts.size(), 1U);
    // What comes during the back-off waits for the next attempt.
    answers later;
    const auto second = steady::now();
    later.send(p, to, 5);
    context.restart();
    context.run();
    EXPECT_GE(steady::now() - second, 50ms);
    EXPECT_LT(steady::now() - second, 3s);
    later.expect_all(errc::connection_refused, disposition::transient);
    EXPECT_EQ(p.count().waiting, 0U);
}

TEST(PoolTrouble, AServerThatComesBackIsUsedAgain) {
    std::atomic<bool> well{false};
    clerk mail([&](unsigned, const std::string& command) {
        return std::string(command.empty() && !well ? "421 4.3.2 not now\r\n" : "");
    });
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.back_off = 30ms;
    o.longest_back_off = 60ms;
    pool p(context.get_executor(), o);
    const destination to = p.at(options_for(s.port()));
    answers ill;
    for (int i = 0; i < 4; ++i) {
        ill.send(p, to, 3);
        context.restart();
        context.run();
    }
    ill.expect_all(ill.results[0].error, disposition::transient);
    EXPECT_EQ(ill.results[0].code, 421);
    EXPECT_LE(s.connections(), 3U + 3U) << "after the first trouble one attempt at a time";
    well = true;
    answers good;
    good.send(p, to, 20);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    good.expect_delivered();
}

TEST(PoolTrouble, AServerWithALimitOfItsOwnGetsEverythingThroughFewer) {
    std::atomic<int> inside{0};
    clerk mail([](unsigned, const std::string& command) {
        return command.starts_with("MAIL") ? slow_answer(2ms) : "";
    });
    std::atomic<unsigned> refused{0};
    crowd_server s([&](peer& p, unsigned n) {
        if (++inside > 2) {
            ++refused;
            p.send("421 4.7.0 too many connections\r\n");
        } else {
            mail(p, n);
        }
        --inside;
    });
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 6;
    pool p(context.get_executor(), o);
    answers a;
    a.send(p, p.at(options_for(s.port())), 150);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    a.expect_delivered();
    expect_each_once(mail, 150);
    EXPECT_GE(refused, 1U);
    EXPECT_LE(refused, 6U) << "and does not keep knocking";
}

TEST(PoolTrouble, A421InTheMiddleSettlesItsMessageAndTheOthersGoOn) {
    std::atomic<int> mails{0};
    clerk mail([&](unsigned, const std::string& command) {
        return std::string(command.starts_with("MAIL") && ++mails == 5 ? "421 4.3.2 enough of you\r\n" : "");
    });
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 1;
    o.back_off = 50ms;
    pool p(context.get_executor(), o);
    answers a;
    a.send(p, p.at(options_for(s.port())), 10);
    const auto since = steady::now();
    EXPECT_TRUE(drain_and_run(context, p).ok());
    EXPECT_GE(steady::now() - since, 50ms);
    EXPECT_EQ(a.with(errc::ok), 9U);
    EXPECT_EQ(a.results[4].error, errc::service_closing) << explain(a.results[4]);
    EXPECT_TRUE(a.results[4].all(disposition::transient));
    EXPECT_EQ(s.connections(), 2U);
}

TEST(PoolTrouble, CutLinesLoseNothingAndRepeatNothing) {
    std::atomic<int> chunks{0};
    clerk mail([&](unsigned, const std::string& command) {
        return std::string(command.starts_with("BDAT") && ++chunks % 7 == 0 ? "cut" : "");
    });
    crowd_server s(std::ref(mail));
    for (const std::uint16_t window : {std::uint16_t{1}, std::uint16_t{8}}) {
        asio::io_context context;
        pool_options o = usual();
        o.per_server.connections = 3;
        o.back_off = 2ms;
        o.longest_back_off = 2ms;
        pool p(context.get_executor(), o);
        client_options with_window = options_for(s.port());
        with_window.window = window;
        const std::size_t before = mail.count();
        answers a;
        a.send(p, p.at(with_window), 120);
        EXPECT_TRUE(drain_and_run(context, p).ok());
        std::size_t delivered = 0;
        std::size_t doubted = 0;
        for (std::size_t i = 0; i < a.results.size(); ++i) {
            EXPECT_EQ(a.given[i], 1);
            delivered += a.results[i].all_delivered() ? 1 : 0;
            doubted += a.results[i].any(disposition::in_doubt) ? 1 : 0;
        }
        EXPECT_EQ(delivered + doubted, 120U);
        EXPECT_GT(doubted, 0U);
        EXPECT_EQ(mail.count() - before, delivered);
    }
}

TEST(PoolTrouble, AWrongOptionIsSaidAtOnce) {
    asio::io_context context;
    pool p(context.get_executor(), usual());
    client_options wrong = options_for(1);
    wrong.server.tls = tls_policy::required;
    wrong.tls.ca_file = "/nonexistent/ca.pem";
    answers a;
    a.send(p, p.at(wrong), 5);
    a.send(p, destination(), 1);
    asio::io_context other;
    pool q(other.get_executor(), usual());
    a.send(p, q.at(wrong), 1);
    context.run();
    EXPECT_EQ(a.with(errc::bad_configuration), 7U);
    EXPECT_NE(a.results[0].detail.find("/nonexistent/ca.pem"), std::string::npos) << a.results[0].detail;
    EXPECT_NE(a.results[6].detail.find("another pool"), std::string::npos) << a.results[6].detail;
}

// What a session finds out at once, it finds out on the thread and within the call that made it.
TEST(PoolTrouble, IsSaidAlsoToWhoAsksOnTheContextsThread) {
    asio::io_context context;
    pool p(context.get_executor(), usual());
    client_options wrong = options_for(1);
    wrong.tls.ca_file = "/nonexistent/ca.pem";
    wrong.server.tls = tls_policy::required;
    client_options nowhere = options_for(1);
    nowhere.server.unix_path = std::string(300, 'x');
    answers a;
    asio::post(context, [&] {
        a.send(p, p.at(wrong), 2);
        a.send(p, p.at(nowhere), 2);
    });
    context.run();
    EXPECT_EQ(a.with(errc::bad_configuration), 4U);
}

TEST(PoolTrouble, AMessageThatCannotBeSentNeedsNoServer) {
    asio::io_context context;
    pool p(context.get_executor(), usual());
    outgoing m = mail_number(1);
    m.recipients = {"no address"};
    errc error = errc::ok;
    p.async_send(p.at(options_for(1)), m, [&](const send_result& r) { error = r.error; });
    context.run();
    EXPECT_EQ(error, errc::bad_address);
}

// --- the queue ---

TEST(PoolQueue, IsBoundedAndSaysWhenThereIsRoom) {
    gate door;
    clerk mail([&](unsigned, const std::string& command) {
        if (command.starts_with("MAIL")) {
            door.pass();
        }
        return std::string();
    });
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 1;
    o.per_server.queue = 5;
    pool p(context.get_executor(), o);
    const destination to = p.at(options_for(s.port()));
    answers a;
    a.send(p, to, 8);
    EXPECT_EQ(p.count().waiting, 5U);
    int rooms = 0;
    for (int i = 0; i < 3; ++i) {
        p.async_room(to, [&, i](const status& r) {
            EXPECT_TRUE(r.ok());
            EXPECT_EQ(rooms++, i) << "in their order";
            EXPECT_LT(p.count().waiting, 5U);
        });
    }
    context.run_for(50ms);
    EXPECT_EQ(a.with(errc::queue_full), 3U);
    EXPECT_TRUE(a.results[7].all(disposition::transient));
    EXPECT_EQ(rooms, 1) << "the first message is under way";
    door.open();
    while (rooms < 3) {
        context.run_one();
    }
    a.send(p, to, 1);
    EXPECT_TRUE(drain_and_run(context, p).ok());
    EXPECT_EQ(a.with(errc::ok), 6U);
    errc after = errc::ok;
    p.async_room(to, [&](const status& r) { after = r.error; });
    context.restart();
    context.run();
    EXPECT_EQ(after, errc::session_closed);
}

TEST(PoolQueue, AProducerNeverOverflowsIt) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 2;
    o.queue = 3;
    pool p(context.get_executor(), o);
    const destination to = p.at(options_for(s.port()));
    std::size_t made = 0;
    std::size_t delivered = 0;
    std::function<void()> produce = [&] {
        p.async_room(to, [&](const status& r) {
            ASSERT_TRUE(r.ok());
            p.async_send(to, mail_number(made), [&](const send_result& sent) {
                EXPECT_TRUE(sent.ok()) << explain(sent);
                ++delivered;
            });
            EXPECT_LE(p.count().waiting, 3U);
            if (++made < 300) {
                produce();
            } else {
                p.async_drain([](const status&) {});
            }
        });
    };
    produce();
    context.run();
    EXPECT_EQ(delivered, 300U);
    expect_each_once(mail, 300);
}

TEST(PoolQueue, OneServersMessagesDoNotFillItForOthers) {
    crowd_server dead([](peer& p, unsigned) { p.stall(); });
    clerk mail;
    crowd_server well(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.queue = 20;
    o.per_server.queue = 10;
    pool p(context.get_executor(), o);
    answers bad;
    answers good;
    bad.send(p, p.at(options_for(dead.port())), 30);
    good.send(p, p.at(options_for(well.port())), 8);
    while (std::accumulate(good.given.begin(), good.given.end(), 0) < 8) {
        context.run_one();
    }
    p.close();
    context.run();
    good.expect_delivered();
    EXPECT_EQ(bad.with(errc::queue_full), 20U);
    EXPECT_EQ(bad.with(errc::cancelled), 10U);
}

// --- cancelling ---

// Sends three over one session; number `which` is cancelled once the server has seen `at` of the first one.
struct cancelled_at {
    std::vector<send_result> results{3};
    std::vector<int> given = std::vector<int>(3);

    cancelled_at(std::size_t which, const std::string& at) {
        gate reached;
        gate door;
        std::atomic<bool> once{false};
        clerk mail([&](unsigned, const std::string& command) {
            if (command.starts_with(at) && !once.exchange(true)) {
                reached.open();
                door.pass();
            }
            return std::string();
        });
        crowd_server s([&](peer& p, unsigned n) {
            if (at == "connect" && !once.exchange(true)) {
                reached.open();
                door.pass();
            }
            mail(p, n);
        });
        asio::io_context context;
        pool_options o = usual();
        o.per_server.connections = 1;
        o.back_off = 10ms;
        pool p(context.get_executor(), o);
        const destination to = p.at(options_for(s.port()));
        asio::cancellation_signal signal;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto done = [this, i](send_result r) {
                results[i] = std::move(r);
                ++given[i];
            };
            if (i == which) {
                p.async_send(to, mail_number(i), asio::bind_cancellation_slot(signal.slot(), done));
            } else {
                p.async_send(to, mail_number(i), done);
            }
        }
        std::thread breaker([&] {
            reached.pass();
            asio::post(context, [&] { signal.emit(asio::cancellation_type::terminal); });
        });
        while (given[which] == 0) {
            context.run_one();
        }
        breaker.join();
        door.open();
        EXPECT_TRUE(drain_and_run(context, p).ok());
    }
};

TEST(PoolCancelling, AtEveryStageSettlesThatMessageAlone) {
    const std::map<std::string, disposition> of_the_first{{"connect", disposition::transient},
                                                          {"EHLO", disposition::transient},
                                                          {"MAIL", disposition::in_doubt},
                                                          {"BDAT", disposition::in_doubt}};
    for (const auto& [at, expected] : of_the_first) {
        for (const std::size_t which : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
            const cancelled_at c(which, at);
            for (std::size_t i = 0; i < 3; ++i) {
                EXPECT_EQ(c.given[i], 1) << at << which;
                EXPECT_EQ(c.results[i].error, i == which ? errc::cancelled : errc::ok)
                    << at << which << " " << i << " " << explain(c.results[i]);
            }
            EXPECT_TRUE(c.results[which].all(which == 0 ? expected : disposition::transient)) << at << which;
        }
    }
}

TEST(PoolCancelling, WaitingForRoomAndForTheEnd) {
    gate door;
    clerk mail([&](unsigned, const std::string& command) {
        if (command.starts_with("MAIL")) {
            door.pass();
        }
        return std::string();
    });
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.per_server.connections = 1;
    o.per_server.queue = 1;
    pool p(context.get_executor(), o);
    const destination to = p.at(options_for(s.port()));
    answers a;
    a.send(p, to, 1);
    context.run_for(20ms);
    a.send(p, to, 1);
    asio::cancellation_signal room;
    asio::cancellation_signal end;
    std::vector<errc> ended;
    p.async_room(
        to, asio::bind_cancellation_slot(room.slot(), [&](const status& r) { ended.push_back(r.error); }));
    context.poll();
    room.emit(asio::cancellation_type::terminal);
    p.async_drain(
        asio::bind_cancellation_slot(end.slot(), [&](const status& r) { ended.push_back(r.error); }));
    end.emit(asio::cancellation_type::terminal);
    context.run_for(20ms);
    EXPECT_EQ(ended, (std::vector<errc>{errc::cancelled, errc::cancelled}));
    door.open();
    context.run();
    a.expect_delivered();
    EXPECT_EQ(mail.farewells(), 1U) << "it is drained all the same";
}

// --- the end ---

TEST(PoolEnd, DrainingSendsWhatIsThereAndTakesNothingMore) {
    clerk mail;
    crowd_server s(std::ref(mail));
    asio::io_context context;
    pool p(context.get_executor(), usual());
    const destination to = p.at(options_for(s.port()));
    answers a;
    answers late;
    a.send(p, to, 40);
    int drained = 0;
    for (int i = 0; i < 2; ++i) {
        p.async_drain([&](const status& r) {
            EXPECT_TRUE(r.ok());
            ++drained;
            EXPECT_EQ(mail.count(), 40U);
            EXPECT_EQ(p.count().connections, 0U);
        });
    }
    late.send(p, to, 3);
    context.run();
    EXPECT_EQ(drained, 2);
    a.expect_delivered();
    late.expect_all(errc::session_closed, disposition::transient);
    EXPECT_EQ(mail.farewells(), s.connections());
}

TEST(PoolEnd, DrainingAnEmptyPoolIsDone) {
    asio::io_context context;
    pool p(context.get_executor(), usual());
    EXPECT_TRUE(drain_and_run(context, p).ok());
}

TEST(PoolEnd, ClosingAnswersEverybody) {
    for (const std::string at : {"connect", "EHLO", "BDAT"}) {
        gate reached;
        std::atomic<unsigned> stuck{0};
        crowd_server s([&](peer& p, unsigned) {
            if (at == "EHLO") {
                p.send("220 server.test\r\n");
                p.line();
            } else if (at == "BDAT") {
                p.greet({"PIPELINING", "CHUNKING"});
                p.until("BDAT");
            }
            if (++stuck == 3) {
                reached.open();
            }
            p.stall();
        });
        asio::io_context context;
        pool_options o = usual();
        o.per_server.connections = 3;
        o.per_server.queue = 20;
        auto p = std::make_unique<pool>(context.get_executor(), o);
        const destination to = p->at(options_for(s.port()));
        answers a;
        a.send(*p, to, 20);
        errc room = errc::ok;
        errc end = errc::ok;
        p->async_room(to, [&](const status& r) { room = r.error; });
        std::thread breaker([&] {
            reached.pass();
            p.reset(); // its destructor closes
        });
        // Before the drain is asked for, or nobody would wait for room.
        p->async_drain([&](const status& r) { end = r.error; });
        context.run();
        breaker.join();
        EXPECT_EQ(a.with(errc::cancelled), 20U) << at;
        EXPECT_EQ(std::accumulate(a.given.begin(), a.given.end(), 0), 20);
        EXPECT_EQ(end, errc::cancelled);
        EXPECT_EQ(room, errc::session_closed);
        EXPECT_EQ(s.connections(), 3U);
        for (std::size_t i = 0; i < 20; ++i) {
            EXPECT_TRUE(
                a.results[i].all(at == "BDAT" && i < 3 ? disposition::in_doubt : disposition::transient))
                << at << i;
        }
    }
}

TEST(PoolEnd, OutlivedByItsDestinationsAndItsContext) {
    clerk mail;
    crowd_server s(std::ref(mail));
    destination kept;
    {
        asio::io_context context;
        pool p(context.get_executor(), usual());
        kept = p.at(options_for(s.port()));
        answers a;
        a.send(p, kept, 10);
        context.run_for(30ms);
        pool moved = std::move(p);
        moved.close();
        moved.close();
        a.send(moved, kept, 1);
        context.run();
        EXPECT_EQ(std::accumulate(a.given.begin(), a.given.end(), 0), 11);
        EXPECT_EQ(a.results[10].error, errc::session_closed);
    }
    EXPECT_TRUE(static_cast<bool>(kept));
}

// --- threads ---

TEST(PoolThreads, AnyThreadMayCall) {
    std::atomic<int> seen{0};
    clerk mail([&](unsigned, const std::string& command) {
        return std::string(command.starts_with("BDAT") && ++seen % 50 == 0 ? "cut" : "");
    });
    crowd_server first(std::ref(mail));
    crowd_server second(std::ref(mail));
    asio::io_context context;
    pool_options o = usual();
    o.connections = 6;
    o.per_server.connections = 4;
    o.per_server.messages_per_connection = 20;
    o.back_off = 1ms;
    o.longest_back_off = 2ms;
    pool p(context.get_executor(), o);
    auto work = asio::make_work_guard(context);
    std::vector<std::thread> runners;
    for (int i = 0; i < (implicit_strand() ? 1 : 3); ++i) {
        runners.emplace_back([&] { context.run(); });
    }
    constexpr std::size_t each = 150;
    std::vector<std::thread> senders;
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> cancelled{0};
    for (int t = 0; t < 4; ++t) {
        senders.emplace_back([&, t] {
            const destination to =
                p.at(known_as((t % 2 == 0 ? first : second).port(), t < 2 ? "a.test" : "b.test"));
            for (std::size_t i = 0; i < each; ++i) {
                const auto done = [&](const send_result& r) {
                    cancelled += r.error == errc::cancelled ? 1 : 0;
                    ++answered;
                };
                if (i % 10 != 0) {
                    p.async_send(to, mail_number(i), done);
                    continue;
                }
                // A slot may be used only where its operation's handler runs.
                auto signal = std::make_shared<asio::cancellation_signal>();
                const auto strand = asio::make_strand(context);
                asio::post(strand, [&p, to, i, signal, strand, done] {
                    p.async_send(
                        to, mail_number(i),
                        asio::bind_executor(strand, asio::bind_cancellation_slot(
                                                        signal->slot(), [signal, done](send_result r) {
                                                            done(std::move(r));
                                                        })));
                });
                asio::post(strand, [signal] { signal->emit(asio::cancellation_type::terminal); });
                p.count();
            }
        });
    }
    for (std::thread& t : senders) {
        t.join();
    }
    std::future<status> drained = p.async_drain(asio::use_future);
    ASSERT_EQ(drained.wait_for(60s), std::future_status::ready);
    EXPECT_TRUE(drained.get().ok());
    work.reset();
    for (std::thread& t : runners) {
        t.join();
    }
    EXPECT_EQ(answered, 4 * each);
    EXPECT_GT(cancelled, 0U);
    EXPECT_LE(first.most_at_once(), 4U);
}

TEST(PoolThreads, ClosedInTheMiddleOfEverything) {
    clerk mail;
    crowd_server s(std::ref(mail));
    for (int round = 0; round < 10; ++round) {
        asio::io_context context;
        auto p = std::make_unique<pool>(context.get_executor(), usual());
        const destination to = p->at(options_for(s.port()));
        answers a;
        a.send(*p, to, 100);
        std::thread other([&] { context.run(); });
        std::thread third([&] {
            if (!implicit_strand()) {
                context.run();
            }
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(round));
        p.reset();
        other.join();
        third.join();
        EXPECT_EQ(std::accumulate(a.given.begin(), a.given.end(), 0), 100);
        EXPECT_EQ(a.with(errc::ok) + a.with(errc::cancelled), 100U);
    }
}

// --- who is whom ---

using change = std::function<void(client_options&)>;

// Each of them makes another correspondent, or another way to treat the line.
std::vector<change> changes_of_identity(const temporary_folder& folder) {
    const std::string file = folder.file_with("some.pem", "x");
    return {
        [](client_options& o) { o.server.host = "other.test"; },
        [](client_options& o) { o.server.port = 26; },
        [](client_options& o) { o.server.unix_path = "/run/socket"; },
        [](client_options& o) { o.server.protocol = protocol::lmtp; },
        [](client_options& o) { o.server.tls = tls_policy::implicit; },
        [](client_options& o) { o.server.tls = tls_policy::opportunistic; },
        [](client_options& o) { o.server.tls = tls_policy::none; },
        [](client_options& o) { o.tls.name = "other.test"; },
        [=](client_options& o) { o.tls.ca_file = file; },
        [=](client_options& o) { o.tls.ca_path = file; },
        [=](client_options& o) { o.tls.crl_file = file; },
        [=](client_options& o) { o.tls.client_cert = file; },
        [=](client_options& o) { o.tls.client_key = file; },
        [](client_options& o) { o.tls.fingerprints = {std::string(64, 'a')}; },
        [](client_options& o) {
            o.tls.fingerprints = {std::string(64, 'a'), std::string(64, 'b')};
        },
        [](client_options& o) { o.tls.verify = false; },
        [](client_options& o) { o.credentials.emplace(); },
        [](client_options& o) {
            o.credentials = credentials{"user", secret("password"), "", ""};
        },
        [](client_options& o) {
            o.credentials = credentials{"user", secret("passwore"), "", ""};
        },
        [](client_options& o) {
            o.credentials = credentials{"use", secret("rpassword"), "", ""};
        },
        [](client_options& o) {
            o.credentials = credentials{"user", secret("password"), "PLAIN", ""};
        },
        [](client_options& o) {
            o.credentials = credentials{"user", secret("password"), "", "PLAIN"};
        },
        [](client_options& o) { o.client_name = "other.test"; },
        [](client_options& o) { o.source_address = "127.0.0.2"; },
        [](client_options& o) { o.allow_auth_in_clear = true; },
        [](client_options& o) { o.try_unlisted_mechanism = true; },
    };
}

client_options somebody() {
    client_options o;
    o.server.host = "mail.test";
    return o;
}

TEST(PoolIdentity, EachElementOfTheKeyMakesAnotherDestination) {
    const temporary_folder folder;
    asio::io_context context;
    pool p(context.get_executor(), usual());
    std::set<std::string> identities{line::identity_of(somebody())};
    std::vector<destination> all{p.at(somebody())};
    for (const change& c : changes_of_identity(folder)) {
        client_options o = somebody();
        c(o);
        identities.insert(line::identity_of(o));
        all.push_back(p.at(o));
        EXPECT_TRUE(all.back() == p.at(o)) << "the same again";
    }
    EXPECT_EQ(identities.size(), all.size()) << "of TLS sessions, too";
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(std::count(all.begin(), all.end(), all[i]), 1) << i;
    }
}

TEST(PoolIdentity, OtherOptionsMakeAnotherDestinationButNotAnotherIdentity) {
    const std::vector<change> changes{
        [](client_options& o) { o.window = 2; },
        [](client_options& o) { o.window_octets = 1; },
        [](client_options& o) { o.use_chunking = false; },
        [](client_options& o) { o.use_pipelining = false; },
        [](client_options& o) { o.initial_response = false; },
        [](client_options& o) { o.await_quit_reply = false; },
        [](client_options& o) { o.fast_open = true; },
        [](client_options& o) { o.connect_timeout = 1ms; },
        [](client_options& o) { o.connect_stagger = 1ms; },
        [](client_options& o) { o.timeouts.greeting = 1; },
        [](client_options& o) { o.timeouts.command = 1; },
        [](client_options& o) { o.timeouts.data_start = 1; },
        [](client_options& o) { o.timeouts.data_block = 1; },
        [](client_options& o) { o.timeouts.data_done = 1; },
        [](client_options& o) { o.timeouts.quit = 1; },
        [](client_options& o) { o.timeouts.transaction = 1; },
    };
    asio::io_context context;
    pool p(context.get_executor(), usual());
    std::vector<destination> all{p.at(somebody())};
    for (const change& c : changes) {
        client_options o = somebody();
        c(o);
        EXPECT_EQ(line::identity_of(o), line::identity_of(somebody()));
        all.push_back(p.at(o));
    }
    const std::vector<change> functions{
        [](client_options& o) { o.address_filter = [](std::string_view) { return true; }; },
        [](client_options& o) { o.resolver = [](const std::string&) { return std::vector<std::string>(); }; },
        [](client_options& o) { o.transcript = [](const transcript_line&) {}; },
    };
    for (const change& c : functions) {
        client_options o = somebody();
        c(o);
        all.push_back(p.at(o));
        all.push_back(p.at(o)); // nobody can tell that it is the same function
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(std::count(all.begin(), all.end(), all[i]), 1) << i;
    }
}

TEST(PoolIdentity, SpellingDoesNotMatterAndTheStateOfFilesDoes) {
    client_options loud = somebody();
    loud.server.host = "MAIL.Test.";
    loud.server.port = 587;
    EXPECT_EQ(line::identity_of(loud), line::identity_of(somebody()));
    const temporary_folder folder;
    client_options o = somebody();
    o.tls.ca_file = folder.file_with("ca.pem", "one");
    const std::string before = line::identity_of(o);
    EXPECT_EQ(line::identity_of(o), before);
    folder.file_with("ca.pem", "another");
    EXPECT_NE(line::identity_of(o), before);
    EXPECT_EQ(before.size(), 32U);
}

TEST(PoolIdentity, WhomItTrustsIsReadOnceForAllThatHoldIt) {
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    c.tls = sink::tls_mode::implicit;
    const sink::server authority(std::move(c));
    const temporary_folder folder;
    line::known_trust known;
    std::string why;
    tls_options o;
    o.ca_file = folder.file_with("ca.pem", authority.ca_pem());
    line::trust first = known.load(o, why);
    ASSERT_NE(first, nullptr) << why;
    EXPECT_EQ(known.load(o, why), first);
    tls_options pinned = o;
    pinned.name = "another.test";
    pinned.verify = false;
    EXPECT_EQ(known.load(pinned, why), first) << "what is done with it does not matter";
    EXPECT_NE(known.load({}, why), first) << "those of the system";
    EXPECT_EQ(known.load({}, why).use_count(), 1) << "which nobody holds";

    folder.file_with("ca.pem", authority.ca_pem() + authority.ca_pem());
    const line::trust second = known.load(o, why);
    EXPECT_NE(second, first) << "the file is another one";
    folder.file_with("ca.pem", "nothing");
    EXPECT_EQ(known.load(o, why), nullptr);
    EXPECT_NE(why.find(o.ca_file), std::string::npos) << why;
    const std::weak_ptr<X509_STORE> forgotten = first;
    first.reset();
    EXPECT_TRUE(forgotten.expired());
}

TEST(PoolIdentity, TheSystemsFileIsReadWhenItsFolderLacksSomething) {
    ::unsetenv(X509_get_default_cert_file_env());
    const temporary_folder folder;
    ::setenv(X509_get_default_cert_dir_env(), folder.file("none").c_str(), 1);
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    c.tls = sink::tls_mode::implicit;
    const sink::server authority(std::move(c));
    line::known_trust known(folder.file_with("all.pem", authority.ca_pem()));
    std::string why;
    const line::trust system = known.load({}, why);
    ASSERT_NE(system, nullptr) << why;
    const auto count = [&] { return sk_X509_OBJECT_num(X509_STORE_get0_objects(system.get())); };
    EXPECT_EQ(count(), 0);

    const line::bio_ptr pem(BIO_new_mem_buf(authority.ca_pem().data(), -1));
    const std::unique_ptr<X509, line::freed_by<X509_free>> ca(
        PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
    const std::unique_ptr<X509_STORE_CTX, line::freed_by<X509_STORE_CTX_free>> asking(X509_STORE_CTX_new());
    ASSERT_EQ(X509_STORE_CTX_init(asking.get(), system.get(), nullptr, nullptr), 1);
    for (int i = 0; i < 2; ++i) {
        const std::unique_ptr<X509_OBJECT, line::freed_by<X509_OBJECT_free>> found(
            X509_STORE_CTX_get_obj_by_subject(asking.get(), X509_LU_X509, X509_get_subject_name(ca.get())));
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(X509_cmp(X509_OBJECT_get0_X509(found.get()), ca.get()), 0);
        EXPECT_EQ(count(), 1);
    }
    const std::unique_ptr<X509_NAME, line::freed_by<X509_NAME_free>> nobody(X509_NAME_new());
    EXPECT_EQ(X509_STORE_CTX_get_obj_by_subject(asking.get(), X509_LU_X509, nobody.get()), nullptr);
    ::unsetenv(X509_get_default_cert_dir_env());
}

TEST(PoolIdentity, UnusedDestinationsAreForgotten) {
    asio::io_context context;
    pool p(context.get_executor(), usual());
    client_options o = somebody();
    const destination kept = p.at(o);
    for (int i = 0; i < 1000; ++i) {
        o.server.host = "host" + std::to_string(i) + ".test";
        (void)p.at(o);
    }
    o.server.host = somebody().server.host;
    EXPECT_TRUE(kept == p.at(o));
}

// A ticket tells the server who is back: it belongs to the identity it was given to.
TEST(PoolIdentity, TlsSessionsAreResumedByTheSameIdentityOnly) {
    sink::config c;
    c.listen = {"127.0.0.1:0"};
    c.host_name = "localhost";
    c.tls = sink::tls_mode::implicit;
    sink::server s(std::move(c));
    s.run_in_thread();
    const temporary_folder folder;
    const std::string ca = folder.file_with("ca.pem", s.ca_pem());
    asio::io_context context;
    pool_options o = usual();
    o.per_server.messages_per_connection = 1;
    o.per_server.connections = 1;
    pool p(context.get_executor(), o);
    std::map<std::string, std::vector<bool>> resumed;
    for (const std::string name : {"a.test", "b.test", "a.test", "b.test"}) {
        client_options to = options_for(s.port(), tls_policy::implicit);
        to.client_name = name;
        to.tls.ca_file = ca;
        to.tls.name = "localhost";
        bool done = false;
        p.async_send(p.at(to), mail_number(1), [&, name](const send_result& r) {
            EXPECT_TRUE(r.ok()) << explain(r);
            resumed[name].push_back(r.connection->tls_resumed);
            done = true;
        });
        while (!done || p.count().connections > 0) {
            context.run_one();
        }
    }
    s.stop();
    EXPECT_EQ(resumed["a.test"], (std::vector<bool>{false, true}));
    EXPECT_EQ(resumed["b.test"], (std::vector<bool>{false, true}));
}

} // namespace
