// Sends each recipient a message of its own over one connection, in a coroutine; whatever is not done after a
// minute is given up.
//
//     PASSWORD=... coroutine_send HOST PORT CA_FILE USER FROM TO...
#include "arguments.hpp"
#include "postrider/client.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <string>

namespace asio = boost::asio;

namespace {

// A message that is ready: header, empty line, body. Line ends become CRLF by themselves.
postrider::outgoing mail_for(const arguments& given, const std::string& recipient) {
    postrider::outgoing mail;
    mail.from = given.from;
    mail.recipients = {recipient};
    mail.content = "From: " + given.from + "\nTo: " + recipient + "\nSubject: For you alone\n\nHello\n.\n";
    return mail;
}

asio::awaitable<bool> send_all(postrider::client& client, const arguments& given) {
    bool all = true;
    for (const std::string& recipient : given.to) {
        const postrider::send_result result =
            co_await client.async_send(mail_for(given, recipient), asio::use_awaitable);
        show(result);
        all = all && result.all_delivered();
    }
    co_await client.async_quit(asio::use_awaitable);
    co_return all;
}

} // namespace

int main(int argc, char** argv) {
    const std::optional<arguments> given = arguments_of(argc, argv);
    if (!given) {
        return 64;
    }
    asio::io_context context;
    postrider::client client(context.get_executor(), given->options);
    asio::steady_timer limit(context, std::chrono::minutes(1));
    limit.async_wait([&client](boost::system::error_code cancelled) {
        if (!cancelled) {
            client.close(); // what is under way ends with errc::cancelled, its recipients settled
        }
    });
    bool all = false;
    asio::co_spawn(context, send_all(client, *given), [&](const std::exception_ptr& failure, bool delivered) {
        all = !failure && delivered;
        limit.cancel();
    });
    context.run();
    return all ? 0 : 1;
}
