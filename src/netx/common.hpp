// What both builds of the client share: the one over the engine, and the minimal one.
#pragma once

#include "options.hpp"

#include <cstddef>
#include <string_view>

namespace postrider::netx {

inline constexpr std::size_t max_subject = 512;

/// The end of the field before, the last header fields as the documented service has them, the empty line.
inline constexpr std::string_view mime_header = "\r\nMIME-Version: 1.0\r\n"
                                                "Content-Type: text/plain;\r\n"
                                                "  charset=\"utf-8\"\r\n"
                                                "Content-Transfer-Encoding: 8bit\r\n"
                                                "\r\n";

inline bool is_created(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_id == NX_SMTP_CLIENT_ID;
}

/// Whether a header field or a command must not hold it: anything that could end a line.
inline bool has_control(std::string_view s, char allowed = '\0') {
    for (const char c : s) {
        if ((static_cast<unsigned char>(c) < ' ' && c != allowed) || c == 0x7F) {
            return true;
        }
    }
    return false;
}

/// The documented return code for a reply at that stage that is not the one hoped for.
inline UINT code_of(stage at) {
    static constexpr UCHAR by_stage[] = {
        NX_SMTP_INTERNAL_ERROR,     NX_SMTP_GREET_REPLY_ERROR, NX_SMTP_HELLO_REPLY_ERROR,
        NX_SMTP_TLS_UNAVAILABLE,    NX_SMTP_AUTH_REPLY_ERROR,  NX_SMTP_MAIL_REPLY_ERROR,
        NX_SMTP_RCPT_REPLY_ERROR,   NX_SMTP_DATA_REPLY_ERROR,  NX_SMTP_MESSAGE_REPLY_ERROR,
        NX_SMTP_SERVER_ERROR_REPLY, NX_SMTP_SERVER_ERROR_REPLY};
    return by_stage[static_cast<unsigned>(at)];
}

/// A packet of the client's pool, for octets in clear.
UINT allocate_packet(NX_SMTP_CLIENT& c, NX_PACKET** packet);

/// Connects the socket to the server. On an error everything is undone.
UINT connect_socket(NX_SMTP_CLIENT& c);

/// Takes the connection down and the socket back to where it was after its creation. `in_order`: the session
/// has ended with QUIT.
void disconnect_socket(NX_SMTP_CLIENT& c, bool in_order);

#ifdef NX_SMTP_CLIENT_MINIMAL
inline void lend_own_texts(NX_SMTP_CLIENT&) {}
inline void drop_kept(NX_SMTP_CLIENT&) {}
#else
inline void lend_own_texts(NX_SMTP_CLIENT& c) {
    c.nx_smtp_client_user_ptr = c.nx_smtp_username;
    c.nx_smtp_client_password_ptr = c.nx_smtp_password;
}
/// Ends the session that is kept, if one is.
void drop_kept(NX_SMTP_CLIENT& c);
#endif

} // namespace postrider::netx
