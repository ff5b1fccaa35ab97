#include "advice.hpp"

namespace postrider::cli {
namespace {

constexpr std::string_view again = "nothing was accepted, so sending it again later is safe";
constexpr std::string_view not_smtp =
    "make sure that host and port belong to a mail server and that the scheme fits: smtps:// speaks TLS from "
    "the start (465), smtp:// does not (587, 25); -v shows what came";

std::string_view for_what_was_handed_in(errc error) {
    switch (error) {
    case errc::bad_address:
    case errc::address_too_long:
        return "correct the address: local-part@domain, at most 254 octets";
    case errc::bad_argument:
        return "correct the value that is named";
    case errc::no_recipients:
        return "name a recipient with --to, --cc or --bcc";
    case errc::content_has_nul:
        return "a NUL is not mail text: attach the file with --attach instead";
    case errc::content_unreadable:
        return "the file must be readable and stay as it is while it is sent";
    case errc::bad_configuration:
        return "correct the option or the setting that is named";
    default:
        return "correct the message: `postrider send --dry-run` composes it without sending";
    }
}

std::string_view for_what_the_server_cannot_take(errc error) {
    switch (error) {
    case errc::message_too_large:
        return "send less or smaller attachments, or a link to them; `postrider check` shows the limit";
    case errc::needs_8bitmime:
        return "this server takes 7-bit messages only: let postrider compose it (--body-file, --attach), for "
               "it encodes anew, or encode the message as quoted-printable";
    case errc::needs_binarymime:
        return "encode the binary parts as base64";
    case errc::needs_smtputf8:
        return "use an ASCII address for this recipient and sender, or a server that offers SMTPUTF8";
    default:
        return "leave out --dsn, --dsn-return and --dsn-id, or use a server that offers DSN";
    }
}

std::string_view for_the_line(errc error) {
    switch (error) {
    case errc::host_not_found:
        return "check the spelling of the host and the machine's name servers";
    case errc::connection_refused:
        return "check host and port; a mail server answers on 587 or 465 (submission) or 25";
    case errc::connection_failed:
        return "check host, port and network, and that no firewall is in between; try -4 or -6";
    case errc::timed_out:
        return "the server may be busy, or a firewall drops what is sent: try again later, or raise "
               "--timeout";
    default:
        return again;
    }
}

std::string_view for_tls(errc error) {
    switch (error) {
    case errc::starttls_unavailable:
        return "try smtps:// (port 465); a server that never offers TLS can only be used with smtp+notls://, "
               "in clear for everybody on the way; if it offered STARTTLS before, somebody may be tampering";
    case errc::starttls_refused:
        return "try again later, or smtps:// (port 465)";
    case errc::starttls_injection:
        return "do not use this network for mail; tell the server's operator if it stays so elsewhere";
    case errc::tls_certificate:
        return "use the host name that stands in the certificate (or --tls-name), trust the server's own CA "
               "with --ca-file, or exactly this certificate with --fingerprint; `postrider check` shows it";
    case errc::tls_truncated:
        return "the connection was cut: try again; if it stays so, something on the way interferes";
    default:
        return "the server must speak TLS 1.2 or newer on this port: smtps:// for 465, smtp:// for 587";
    }
}

std::string_view for_authentication(errc error) {
    switch (error) {
    case errc::auth_unavailable:
        return "`postrider check` shows what the server offers; it may offer authentication only within TLS, "
               "or only on 587 and 465";
    case errc::auth_needs_tls:
        return "use smtps:// or smtp+tls:// with a certificate that can be verified; "
               "--insecure-auth-in-clear sends the password all the same, readable on the way";
    case errc::auth_transient:
        return "try again later";
    case errc::auth_challenge:
        return "try another mechanism with --auth PLAIN or --auth LOGIN; `postrider check` shows what the "
               "server lists";
    default:
        return "check user and password; many providers want a password made for applications, and the whole "
               "address as user";
    }
}

std::string_view for_a_refusal(errc error, std::uint16_t code) {
    if (code / 100 == 4) {
        return "this is for now only: send it again later, best not before half an hour has passed";
    }
    switch (error) {
    case errc::greeting_refused:
    case errc::ehlo_refused:
        return "the server does not want this client: check --server, and give --helo a name that the server "
               "accepts";
    case errc::sender_refused:
        return "check --from (or --envelope-from): most servers take only senders that belong to the user "
               "who "
               "authenticated";
    case errc::recipient_refused:
        return "check the address; if it is right and of another domain, the server wants authentication "
               "(--user)";
    case errc::content_refused:
        return "the server's text says what it minds; changing the message may help, sending it again will "
               "not";
    case errc::others_refused:
        return "nothing was sent because of --all-or-nothing: correct the other recipients or leave it out";
    default:
        return "the server's text says what it minds";
    }
}

} // namespace

std::string_view advice_for(errc error, std::uint16_t code) {
    // In the order of the table of errc: the groups are its groups.
    if (error == errc::ok) {
        return {};
    }
    if (error <= errc::bad_configuration) {
        return for_what_was_handed_in(error);
    }
    if (error <= errc::needs_dsn) {
        return for_what_the_server_cannot_take(error);
    }
    if (error <= errc::out_of_memory) {
        return for_the_line(error);
    }
    if (error <= errc::tls_truncated) {
        return for_tls(error);
    }
    if (error <= errc::auth_challenge) {
        return for_authentication(error);
    }
    if (error == errc::service_closing || error == errc::queue_full || error == errc::session_closed) {
        return again;
    }
    if (error >= errc::malformed_reply && error <= errc::unsolicited_reply) {
        return not_smtp;
    }
    return for_a_refusal(error, code);
}

std::string_view advice_in_doubt() {
    return "the server may have the message: look for its Message-ID in the server's log or the mailbox "
           "before "
           "sending it again; when you do, use the same --message-id, so that a second copy can be "
           "recognised";
}

} // namespace postrider::cli
