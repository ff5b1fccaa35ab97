// errc.hpp - every failure the library reports, one line each.
//
// Three questions, three values: `errc` says what broke on our side of the wire, `reply` what the server
// said, `outcome` what both mean for one recipient.
#pragma once

#include <cstdint>
#include <string_view>

namespace postrider {

// X(name, text): the text completes the sentence "could not send: ...".
#define POSTRIDER_ERRC_TABLE(X)                                                                              \
    X(ok, "no error")                                                                                        \
    /* what the caller handed in */                                                                          \
    X(bad_address, "the address is not a valid mailbox")                                                     \
    X(address_too_long, "the address is longer than SMTP allows")                                            \
    X(bad_argument, "an argument holds characters that may not stand in a command")                          \
    X(no_recipients, "the message has no recipient")                                                         \
    X(content_has_nul, "the content holds a NUL byte")                                                       \
    X(content_unreadable, "the content could not be read")                                                   \
    X(bad_message, "the message cannot be composed or parsed")                                               \
    X(bad_configuration, "an option cannot be used as it is set")                                            \
    /* what the server cannot take, settled before MAIL */                                                   \
    X(message_too_large, "the message is larger than the server's SIZE limit")                               \
    X(needs_8bitmime, "the content is 8-bit and the server does not offer 8BITMIME")                         \
    X(needs_binarymime, "the content is binary and the server does not offer BINARYMIME with CHUNKING")      \
    X(needs_smtputf8, "an address or header is UTF-8 and the server does not offer SMTPUTF8")                \
    X(needs_dsn, "delivery notifications were asked for and the server does not offer DSN")                  \
    /* the line */                                                                                           \
    X(host_not_found, "the host name could not be resolved")                                                 \
    X(connection_refused, "the connection was refused")                                                      \
    X(connection_failed, "the connection could not be made")                                                 \
    X(connection_lost, "the connection was lost")                                                            \
    X(timed_out, "the server did not answer in time")                                                        \
    X(cancelled, "the operation was cancelled")                                                              \
    X(out_of_memory, "no memory was left")                                                                   \
    /* security of the line */                                                                               \
    X(starttls_unavailable, "TLS is required and the server does not offer STARTTLS")                        \
    X(starttls_refused, "the server refused STARTTLS")                                                       \
    X(starttls_injection, "plaintext was left behind the reply to STARTTLS: an attack on the line")          \
    X(tls_handshake, "the TLS handshake failed")                                                             \
    X(tls_certificate, "the server's certificate could not be verified")                                     \
    X(tls_truncated, "the TLS connection was cut without a closing alert")                                   \
    /* authentication */                                                                                     \
    X(auth_unavailable, "the server offers no authentication mechanism that may be used here")               \
    X(auth_needs_tls, "credentials may not be sent over a line that is not encrypted and verified")          \
    X(auth_refused, "the server refused the credentials")                                                    \
    X(auth_transient, "the server cannot authenticate just now")                                             \
    X(auth_challenge, "the server sent a challenge the mechanism cannot answer")                             \
    /* the protocol */                                                                                       \
    X(greeting_refused, "the server refused the session in its greeting")                                    \
    X(ehlo_refused, "the server refused EHLO and HELO")                                                      \
    X(command_refused, "the server refused the command")                                                     \
    X(service_closing, "the server is closing the connection (421)")                                         \
    X(malformed_reply, "the server sent something that is not an SMTP reply")                                \
    X(mixed_codes, "the server mixed different codes in one reply")                                          \
    X(reply_line_too_long, "the server sent an over-long reply line")                                        \
    X(reply_too_long, "the server's reply does not end")                                                     \
    X(unexpected_reply, "the reply's code is not allowed at this stage")                                     \
    X(unsolicited_reply, "the server sent a reply that nobody asked for")                                    \
    /* what became of a message */                                                                           \
    X(sender_refused, "the server refused the sender")                                                       \
    X(recipient_refused, "the server refused the recipient")                                                 \
    X(content_refused, "the server refused the message")                                                     \
    X(others_refused, "another recipient was refused and all-or-nothing was asked for")                      \
    X(queue_full, "too many messages are waiting already")                                                   \
    X(session_closed, "the session is closed")

/// What broke. Fits in one byte; `ok` is zero and means nothing broke.
enum class errc : std::uint8_t {
#define POSTRIDER_ERRC_ENUM(name, text) name,
    POSTRIDER_ERRC_TABLE(POSTRIDER_ERRC_ENUM)
#undef POSTRIDER_ERRC_ENUM
};

/// A sentence for people, without a full stop; static storage. A firmware that never calls it does not link
/// it.
std::string_view message(errc e) noexcept;

/// The enumerator's name, for logs and JSON; static storage.
std::string_view name(errc e) noexcept;

} // namespace postrider
