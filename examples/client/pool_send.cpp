// Sends each recipient a hundred messages through a pool of four connections, and never has more of them in
// memory than the pool has room for.
//
//     PASSWORD=... pool_send HOST PORT CA_FILE USER FROM TO...
#include "arguments.hpp"
#include "postrider/pool.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <string>

namespace asio = boost::asio;

namespace {

struct tally {
    int sent = 0;
    int delivered = 0;
};

postrider::outgoing mail_for(const arguments& given, const std::string& recipient, int number) {
    postrider::outgoing mail;
    mail.from = given.from;
    mail.recipients = {recipient};
    mail.content = "From: " + given.from + "\nTo: " + recipient + "\nSubject: Number " +
                   std::to_string(number) + "\n\nHello\n";
    return mail;
}

asio::awaitable<void> send_all(postrider::pool& pool, const arguments& given, tally& counts) {
    // The same options make the same destination: its sessions are shared, and by nobody else.
    const postrider::destination server = pool.at(given.options);
    for (int number = 0; number < 100; ++number) {
        for (const std::string& recipient : given.to) {
            if (!(co_await pool.async_room(server, asio::use_awaitable)).ok()) {
                co_return;
            }
            ++counts.sent;
            pool.async_send(server, mail_for(given, recipient, number),
                            [&counts](const postrider::send_result& result) {
                                counts.delivered += result.all_delivered() ? 1 : 0;
                                if (!result.ok()) {
                                    show(result);
                                }
                            });
        }
    }
    co_await pool.async_drain(asio::use_awaitable); // sends what waits, says QUIT, and lets the context end
}

} // namespace

int main(int argc, char** argv) {
    const std::optional<arguments> given = arguments_of(argc, argv);
    if (!given) {
        return 64;
    }
    postrider::pool_options limits;
    limits.per_server.connections = 4;
    limits.per_server.queue = 50;
    asio::io_context context;
    postrider::pool pool(context.get_executor(), limits);
    tally counts;
    asio::co_spawn(context, send_all(pool, *given, counts), asio::detached);
    context.run();
    std::printf("%d of %d delivered\n", counts.delivered, counts.sent);
    return counts.delivered == counts.sent ? 0 : 1;
}
