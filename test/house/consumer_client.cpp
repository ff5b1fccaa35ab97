#include <postrider/client.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <iostream>

// Links the whole client and sees it say why there was no mail: nothing listens on port 1 of loopback.
int main() {
    boost::asio::io_context context;
    postrider::client_options options;
    options.server.host = "127.0.0.1";
    options.server.port = 1;
    postrider::client client(context.get_executor(), options);
    postrider::outgoing mail;
    mail.from = "alice@example.org";
    mail.recipients = {"bob@example.net"};
    mail.content = "Subject: hello\r\n\r\nhello\r\n";
    auto sent = client.async_send(std::move(mail), boost::asio::use_future);
    context.run();
    const postrider::send_result result = sent.get();
    std::cout << postrider::name(result.error) << '\n';
    return result.error == postrider::errc::connection_refused ? 0 : 1;
}
