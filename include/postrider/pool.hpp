// pool.hpp - many messages to many servers: sessions are shared where that is right, bounded everywhere.
//
// A pool keeps sessions for each destination and gives waiting messages to them, the servers taking turns. A
// destination is a server together with everything that decides who talks to it and how: port, TLS,
// verification, credentials, client certificate, source address, and every other option. Two destinations
// never share a session, a TLS session or a place in a window, even at the same server; the limits of a
// server hold for all of them together.
//
//     postrider::pool p(context.get_executor());
//     const postrider::destination there = p.at(options);
//     postrider::send_result r = co_await p.async_send(there, std::move(mail), boost::asio::use_awaitable);
//     co_await p.async_drain(boost::asio::use_awaitable);
#pragma once

#include "postrider/client.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace postrider {

namespace line {
class scheduler;
struct site;
} // namespace line

/// What one server is to be spared; holds for all destinations at the same host and port (or Unix socket).
struct server_limits {
    /// Sessions at once, being set up or ended included. At least 1.
    unsigned connections = 8;
    /// After so many messages a session is ended with QUIT; 0: no limit.
    std::uint64_t messages_per_connection = 500;
    /// Messages begun per second; 0: no limit. What is not used is not saved up, beyond a hundredth of a
    /// second's worth.
    double messages_per_second = 0;
    /// A session with nothing to do is ended with QUIT after this.
    std::chrono::milliseconds idle{60'000};
    /// Messages that may wait for it. One more is refused with errc::queue_full.
    std::size_t queue = 1'000;
};

/// What a pool may do.
struct pool_options {
    /// Of each server for which pool::limit() was not called.
    server_limits per_server;
    /// Sessions with all servers together. At least 1.
    unsigned connections = 10'000;
    /// Messages that may wait for all servers together.
    std::size_t queue = 10'000;
    /// After trouble with a destination (no session could be set up, one was lost, or 421) no new connection
    /// to it is made for this long, doubled each time that trouble follows on trouble.
    std::chrono::milliseconds back_off{1'000};
    /// As far as that goes.
    std::chrono::milliseconds longest_back_off{30'000};
    /// As in client_options; a pool does not look at the one there.
    bool implicit_strand = false;
};

/// A server, and who talks to it how. Cheap to copy; belongs to the pool that made it, and may outlive it.
class destination {
  public:
    /// None: what is sent there ends with errc::bad_configuration.
    destination() = default;
    explicit operator bool() const noexcept { return static_cast<bool>(site_); }
    /// The same pool, the same server and the same everything.
    friend bool operator==(const destination& a, const destination& b) noexcept = default;

  private:
    friend class pool;
    std::shared_ptr<line::site> site_;
};

/// Counts of the present moment.
struct pool_counts {
    std::size_t waiting = 0;     ///< messages that no session has
    std::size_t under_way = 0;   ///< messages that one has
    std::size_t connections = 0; ///< sessions, being set up or ended included
    std::size_t idle = 0;        ///< of those, with nothing to do
};

/// Sends through as many sessions as it is allowed. Its functions may be called from any thread; completions
/// run on the token's executor, by default on the pool's. It has no thread of its own. While it has a session
/// or a message its executor has work: async_drain() or close() lets a context come to its end.
class pool {
  public:
    explicit pool(boost::asio::any_io_executor executor, pool_options options = {});
    /// As close(), then lets go.
    ~pool();
    pool(pool&& other) noexcept;
    pool& operator=(pool&& other) noexcept;

    boost::asio::any_io_executor executor() const noexcept;
    using executor_type = boost::asio::any_io_executor;
    executor_type get_executor() const noexcept { return executor(); }

    /// The destination for these options; the same one again for the same options, as long as the files they
    /// name have not changed. Options with functions (filter, resolver, transcript) are never the same as any
    /// other: keep the destination. Reads files of certificates. A wrong option shows in the messages.
    destination at(client_options options);
    /// Other limits for one server, from now on. Only host, port and Unix path are looked at.
    void limit(const server& whom, server_limits limits);

    /// Sends a message when its turn comes; see client::async_send for how it ends. Its cancellation slot
    /// works at every stage, also while it waits. Messages of one destination begin in their order.
    ///
    /// When no session with the destination can be set up, and none is up, every message that waits for it
    /// ends as if it had made the attempt; those that come during a back-off wait for the next attempt and
    /// share what becomes of it. So each has an answer within the longest back-off and the time-outs of
    /// setting up, or takes its turn behind others. errc::queue_full when too many are waiting,
    /// errc::session_closed once the pool is drained or closed: nobody gets the message then.
    template <boost::asio::completion_token_for<void(send_result)> Token>
    auto async_send(const destination& to, outgoing mail, Token&& token) {
        return boost::asio::async_initiate<Token, void(send_result)>(
            [target = impl_](auto handler, destination there, outgoing m) {
                start_send(target, std::move(there), std::move(m), on_sent(std::move(handler)));
            },
            token, to, std::move(mail));
    }

    /// Waits until a message to this destination would find room in the queue: back-pressure for whoever
    /// produces messages. Several who wait are told in their order, one for each place that becomes free; one
    /// who did not wait may still be faster. ok, or session_closed once the pool is drained or closed.
    template <boost::asio::completion_token_for<void(status)> Token>
    auto async_room(const destination& to, Token&& token) {
        return boost::asio::async_initiate<Token, void(status)>(
            [target = impl_](auto handler, destination there) {
                start_room(target, std::move(there), on_status(std::move(handler)));
            },
            token, to);
    }

    /// Takes no more messages, sends those it has, and ends every session with QUIT. ok when all that is
    /// done, errc::cancelled when close() came before. Cancelling it only stops waiting.
    template <boost::asio::completion_token_for<void(status)> Token>
    auto async_drain(Token&& token) {
        return boost::asio::async_initiate<Token, void(status)>(
            [target = impl_](auto handler) { start_drain(target, on_status(std::move(handler))); }, token);
    }

    pool_counts count() const;
    /// Takes no more messages, cancels what is under way or waiting, and drops the lines without QUIT.
    void close();

  private:
    using shared_impl = std::shared_ptr<line::scheduler>;
    using on_sent = boost::asio::any_completion_handler<void(send_result)>;
    using on_status = boost::asio::any_completion_handler<void(status)>;

    static void start_send(const shared_impl& target, destination to, outgoing mail, on_sent done);
    static void start_room(const shared_impl& target, destination to, on_status done);
    static void start_drain(const shared_impl& target, on_status done);

    std::shared_ptr<line::scheduler> impl_;
};

} // namespace postrider
