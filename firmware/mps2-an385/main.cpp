// A mail from a microcontroller without an operating system, a heap or a network stack: the engine over a
// serial line.
//
// On a real board a modem or a serial-to-network bridge stands at the other end of UART 1; in QEMU it is a
// TCP connection to a mail server. The command line of the image (by semihosting) is
//     postrider USER PASSWORD FROM TO [SUBJECT]
// The line is in clear here: use it inside a trusted network, or give the stream a TLS library of your
// choice.
#include "board.hpp"
#include "postrider/session.hpp"
#include "postrider/stream.hpp"
#include "uart_stream.hpp"

#include <array>

namespace {

using postrider::want;

constexpr std::string_view body = "The tank is nearly empty.\r\n"
                                  ".hidden files keep their dot\r\n"
                                  "Level: 7 %\r\n";

// Hands out the header and the body part by part, so that no message is ever put together in memory.
struct alarm_mail {
    std::string_view from, to, subject;
    unsigned next = 0;

    std::array<std::string_view, 8> parts() const {
        return {"From: <", from, ">\r\nTo: <", to, ">\r\nSubject: ", subject, "\r\n\r\n", body};
    }
    bool lend(postrider::session& s) {
        const auto all = parts();
        const bool last = next + 1 == all.size();
        s.lend(all[next++], last);
        return !last;
    }
};

std::string_view take_word(std::string_view& line) {
    const std::size_t end = line.find(' ');
    const std::string_view word{line.data(), end == std::string_view::npos ? line.size() : end};
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    return word;
}

int fail(std::string_view what) {
    board::print(what);
    board::print("\n");
    return 1;
}

void report(const postrider::recipient& r) {
    board::print(r.path.text());
    board::print(": ");
    board::print(postrider::name(r.result.status));
    board::print("\n");
}

int send(std::string_view user, std::string_view password, alarm_mail mail) {
    const auto from = postrider::reverse_path::parse(mail.from);
    const auto to = postrider::forward_path::parse(mail.to);
    if (!from || !to) {
        return fail("an address is not valid");
    }
    postrider::plain_mechanism plain(user, password);
    postrider::login_mechanism login(user, password);
    postrider::mechanism* const mechanisms[] = {&plain, &login};

    postrider::session_config config;
    config.client_name = "[192.0.2.7]";
    config.mechanisms = mechanisms;
    config.tls = postrider::tls_policy::none;
    config.allow_auth_in_clear = true;
    config.use_chunking = false; // the parts are small: DATA takes them all in one go

    std::array<char, 128> reply_space;
    std::array<char, 512> line_space;
    postrider::session session(config, reply_space);
    postrider::recipient recipient(*to);
    postrider::transaction transaction;
    transaction.from = *from;
    transaction.recipients = {&recipient, 1};
    transaction.more_content = true;
    session.submit(transaction);
    session.quit();

    uart_stream line;
    while (postrider::drive(session, line, board::now, line_space) == want::content) {
        mail.lend(session);
    }
    report(recipient);
    if (session.error() != postrider::errc::ok) {
        return fail(postrider::message(session.error()));
    }
    return recipient.result.status == postrider::disposition::delivered ? 0 : 1;
}

} // namespace

int firmware_main() {
    std::array<char, 256> space;
    std::string_view line = board::command_line(space);
    take_word(line); // the image's name
    const std::string_view user = take_word(line);
    const std::string_view password = take_word(line);
    const std::string_view from = take_word(line);
    const std::string_view to = take_word(line);
    if (to.empty()) {
        return fail("usage: postrider USER PASSWORD FROM TO [SUBJECT]");
    }
    return send(user, password, {from, to, line.empty() ? "Alarm" : line});
}
