// TLS by NetX Secure, prepared by the application's call-back as in NetX's HTTP and MQTT clients.
#include "options.hpp"

#if defined(NX_SECURE_ENABLE) && !defined(NX_SMTP_CLIENT_MINIMAL)

namespace postrider::netx {

namespace {

// Ending gives back records that the session holds, also after a handshake that failed; deleting does not. A
// session that was never created must not be deleted: it would be taken out of a list that it is not in.
void give_up(NX_SECURE_TLS_SESSION* session, ULONG wait) {
    if (session->nx_secure_tls_id == NX_SECURE_TLS_ID) {
        nx_secure_tls_session_end(session, wait);
        nx_secure_tls_session_delete(session);
    }
}

} // namespace

UINT tls_start(NX_SMTP_CLIENT& c) {
    NX_SECURE_TLS_SESSION* const session = &c.nx_smtp_client_tls_session;
    UINT status = c.nx_smtp_client_tls_setup(&c, session);
    if (status == NX_SUCCESS) {
        status =
            nx_secure_tls_session_start(session, &c.nx_smtp_client_socket, NX_SMTP_CLIENT_CONNECTION_TIMEOUT);
    }
    if (status != NX_SUCCESS) {
        give_up(session, NX_NO_WAIT);
    }
    return status;
}

UINT tls_packet(NX_SMTP_CLIENT& c, NX_PACKET** packet) {
    return nx_secure_tls_packet_allocate(&c.nx_smtp_client_tls_session, c.nx_smtp_client_packet_pool_ptr,
                                         packet, NX_SMTP_CLIENT_PACKET_TIMEOUT);
}

UINT tls_send(NX_SMTP_CLIENT& c, NX_PACKET* packet, ULONG wait) {
    return nx_secure_tls_session_send(&c.nx_smtp_client_tls_session, packet, wait);
}

UINT tls_receive(NX_SMTP_CLIENT& c, NX_PACKET** packet, ULONG wait) {
    return nx_secure_tls_session_receive(&c.nx_smtp_client_tls_session, packet, wait);
}

void tls_end(NX_SMTP_CLIENT& c) {
    give_up(&c.nx_smtp_client_tls_session, NX_SMTP_CLIENT_DISCONNECT_TIMEOUT);
}

} // namespace postrider::netx

#endif
