// libetpan as a driver (see driver.hpp).
#include "driver.hpp"
#include "prompt_socket.hpp"

#include <cstring>
#include <libetpan/libetpan.h>

namespace {

void check(int code) {
    if (code != MAILSMTP_NO_ERROR) {
        throw std::runtime_error(mailsmtp_strerror(code));
    }
}

mailsmtp* connect(const bench::task& t) {
    mailsmtp* session = mailsmtp_new(0, nullptr);
    if (t.tls() == "implicit") {
        check(mailsmtp_ssl_connect(session, t.host.c_str(), t.port));
    } else {
        check(mailsmtp_socket_connect(session, t.host.c_str(), t.port));
    }
    check(mailesmtp_ehlo(session));
    if (t.tls() == "starttls") {
        check(mailsmtp_socket_starttls(session));
        check(mailesmtp_ehlo(session));
    }
    return session;
}

void send(mailsmtp* session, clist* recipients, const std::string& text) {
    check(mailesmtp_send(session, bench::from, 0, nullptr, recipients, text.data(), text.size()));
}

void run(const bench::task& t) {
    if (t.mode == "many") {
        bench::cannot("one connection per thread only");
    }
    const std::string text = t.text();
    clist* recipients = esmtp_address_list_new();
    std::string to = bench::to;
    esmtp_address_list_add(recipients, to.data(), 0, nullptr);
    bench::stopwatch watch;
    mailsmtp* session = connect(t);
    for (std::size_t i = 0; i < t.count; ++i) {
        if (t.mode == "reconnect" && i != 0) {
            mailsmtp_quit(session);
            mailsmtp_free(session);
            session = connect(t);
        }
        send(session, recipients, text);
    }
    watch.stop();
    mailsmtp_quit(session);
    mailsmtp_free(session);
    esmtp_address_list_free(recipients);
    watch.print(t.count);
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
