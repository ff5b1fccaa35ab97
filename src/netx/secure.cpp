// TLS by NetX Secure, prepared by the application's call-back as in NetX's HTTP and MQTT clients.
#include "options.hpp"

#if defined(NX_SECURE_ENABLE) && !defined(NX_SMTP_CLIENT_MINIMAL)

namespace postrider::netx {

UINT tls_start(NX_SMTP_CLIENT& c) {
    NX_SECURE_TLS_SESSION* const session = &c.nx_smtp_client_tls_session;
    UINT status = c.nx_smtp_client_tls_setup(&c, session);
    if (status == NX_SUCCESS) {
        status =
            nx_secure_tls_session_start(session, &c.nx_smtp_client_socket, NX_SMTP_CLIENT_CONNECTION_TIMEOUT);
    }
    if (status != NX_SUCCESS) {
        nx_secure_tls_session_delete(session);
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
    nx_secure_tls_session_end(&c.nx_smtp_client_tls_session, NX_SMTP_CLIENT_DISCONNECT_TIMEOUT);
    nx_secure_tls_session_delete(&c.nx_smtp_client_tls_session);
}

} // namespace postrider::netx

#endif
