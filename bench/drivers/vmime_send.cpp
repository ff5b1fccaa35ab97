// VMime as a driver (see driver.hpp).
#include "driver.hpp"
#include "prompt_socket.hpp"

#include <vmime/platforms/posix/posixHandler.hpp>
#include <vmime/vmime.hpp>

namespace {

using vmime::shared_ptr;

class any_certificate : public vmime::security::cert::certificateVerifier {
  public:
    void verify(shared_ptr<vmime::security::cert::certificateChain>, const vmime::string&) override {}
};

void run(const bench::task& t) {
    if (t.mode == "many") {
        bench::cannot("one connection per thread only");
    }
    vmime::platform::setHandler<vmime::platforms::posix::posixHandler>();
    const std::string text = t.text();
    const auto session = vmime::net::session::create();
    const std::string scheme = t.tls() == "implicit" ? "smtps://" : "smtp://";
    const auto transport =
        session->getTransport(vmime::utility::url(scheme + t.host + ":" + std::to_string(t.port)));
    transport->setCertificateVerifier(vmime::make_shared<any_certificate>());
    if (t.tls() == "starttls") {
        transport->setProperty("connection.tls", true);
        transport->setProperty("connection.tls.required", true);
    }
    const vmime::mailbox from(bench::from);
    vmime::mailboxList to;
    to.appendMailbox(vmime::make_shared<vmime::mailbox>(bench::to));
    bench::stopwatch watch;
    transport->connect();
    for (std::size_t i = 0; i < t.count; ++i) {
        if (t.mode == "reconnect" && i != 0) {
            transport->disconnect();
            transport->connect();
        }
        vmime::utility::inputStreamStringAdapter in(text);
        transport->send(from, to, in, text.size());
    }
    watch.stop();
    transport->disconnect();
    watch.print(t.count);
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
