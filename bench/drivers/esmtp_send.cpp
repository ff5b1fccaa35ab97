// libesmtp as a driver (see driver.hpp). All messages of one session are given to it before it starts, as its
// interface has it.
#include "driver.hpp"
#include "prompt_socket.hpp"

#include <libesmtp.h>

namespace {

void send(const bench::task& t, const std::string& text, std::size_t count) {
    const smtp_session_t session = smtp_create_session();
    const std::string server = t.host + ":" + std::to_string(t.port);
    smtp_set_server(session, server.c_str());
    smtp_set_hostname(session, "localhost");
    for (std::size_t i = 0; i < count; ++i) {
        const smtp_message_t message = smtp_add_message(session);
        smtp_set_reverse_path(message, bench::from);
        smtp_set_message_str(message, const_cast<char*>(text.c_str()));
        smtp_add_recipient(message, bench::to);
    }
    if (smtp_start_session(session) == 0) {
        char why[256];
        smtp_strerror(smtp_errno(), why, sizeof why);
        throw std::runtime_error(why);
    }
    smtp_destroy_session(session);
}

void run(const bench::task& t) {
    if (t.tls() != "none") {
        bench::cannot("not over TLS 1.3: it stalls on session tickets");
    }
    if (t.mode == "many") {
        bench::cannot("one connection per thread only");
    }
    const std::string text = t.text();
    bench::stopwatch watch;
    if (t.mode == "reconnect") {
        for (std::size_t i = 0; i < t.count; ++i) {
            send(t, text, 1);
        }
    } else {
        send(t, text, t.count);
    }
    watch.stop();
    watch.print(t.count);
}

} // namespace

int main(int argc, char** argv) {
    return bench::drive(argc, argv, run);
}
