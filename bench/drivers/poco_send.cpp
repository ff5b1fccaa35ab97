// Poco as a driver (see driver.hpp). The socket is handed in with TCP_NODELAY: without it each message waits
// for a delayed acknowledgement. The content goes the way that Poco's sendMessage() goes, without composing a
// message anew.
#include "driver.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/MailStream.h>
#include <Poco/Net/SecureSMTPClientSession.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/SocketStream.h>
#include <Poco/Net/StreamSocket.h>
#include <memory>

namespace {

class session_with_content : public Poco::Net::SecureSMTPClientSession {
  public:
    using SecureSMTPClientSession::SecureSMTPClientSession;
    void send_content(const std::string& text) {
        sendData();
        Poco::Net::SocketOutputStream stream(socket());
        Poco::Net::MailOutputStream encoder(stream);
        encoder << text;
        encoder.close();
        stream.flush();
        std::string reply;
        if (socket().receiveStatusMessage(reply) != 250) {
            throw std::runtime_error("not accepted: " + reply);
        }
    }
};

std::unique_ptr<session_with_content> connect(const bench::task& t, const Poco::Net::Context::Ptr& tls) {
    Poco::Net::StreamSocket socket(Poco::Net::SocketAddress(t.host, t.port));
    socket.setNoDelay(true);
    auto session = std::make_unique<session_with_content>(socket);
    session->login("localhost");
    if (t.tls() == "starttls") {
        session->startTLS(tls);
        session->login("localhost");
    }
    return session;
}

void run(const bench::task& t) {
    if (t.tls() == "implicit") {
        bench::cannot("no implicit TLS");
    }
    if (t.mode == "many") {
        bench::cannot("one connection per thread only");
    }
    Poco::Net::Context::Ptr tls;
    if (t.tls() == "starttls") {
        tls = new Poco::Net::Context(Poco::Net::Context::TLS_CLIENT_USE, t.key("ca"),
                                     Poco::Net::Context::VERIFY_NONE);
    }
    const std::string text = t.text();
    const Poco::Net::SMTPClientSession::Recipients recipients{bench::to};
    bench::stopwatch watch;
    auto session = connect(t, tls);
    for (std::size_t i = 0; i < t.count; ++i) {
        if (t.mode == "reconnect" && i != 0) {
            session->close();
            session = connect(t, tls);
        }
        session->sendAddresses(bench::from, recipients);
        session->send_content(text);
    }
    watch.stop();
    session->close();
    watch.print(t.count);
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
