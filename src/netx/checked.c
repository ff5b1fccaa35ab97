/* The entry points that check their arguments, as NetX has them for every service. In C, for the caller
   checks of the port are written in C. */
#include "netxduo/nxd_smtp_client.h"
#include "nx_ip.h" /* NX_IP_ID */

NX_CALLER_CHECKING_EXTERNS

UINT _nxde_smtp_client_create(NX_SMTP_CLIENT* client_ptr, NX_IP* ip_ptr,
                              NX_PACKET_POOL* client_packet_pool_ptr, CHAR* username, CHAR* password,
                              CHAR* from_address, CHAR* client_domain, UINT authentication_type,
                              NXD_ADDRESS* server_address, UINT port) {
    if (ip_ptr == NX_NULL || client_ptr == NX_NULL || client_packet_pool_ptr == NX_NULL ||
        from_address == NX_NULL || username == NX_NULL || password == NX_NULL || client_domain == NX_NULL ||
        server_address == NX_NULL) {
        return NX_PTR_ERROR;
    }
    if (ip_ptr->nx_ip_id != NX_IP_ID) {
        return NX_SMTP_INVALID_PARAM;
    }
    if (server_address->nxd_ip_version != NX_IP_VERSION_V4 &&
        server_address->nxd_ip_version != NX_IP_VERSION_V6) {
        return NX_IP_ADDRESS_ERROR;
    }
    return _nxd_smtp_client_create(client_ptr, ip_ptr, client_packet_pool_ptr, username, password,
                                   from_address, client_domain, authentication_type, server_address, port);
}

UINT _nxe_smtp_client_delete(NX_SMTP_CLIENT* client_ptr) {
    if (client_ptr == NX_NULL || client_ptr->nx_smtp_client_id != NX_SMTP_CLIENT_ID) {
        return NX_PTR_ERROR;
    }
    return _nx_smtp_client_delete(client_ptr);
}

UINT _nxe_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority, CHAR* subject,
                         CHAR* mail_body, UINT mail_body_length) {
    if (client_ptr == NX_NULL || recipient_address == NX_NULL || mail_body == NX_NULL || subject == NX_NULL) {
        return NX_PTR_ERROR;
    }
    if (mail_body_length == 0) {
        return NX_SMTP_INVALID_PARAM;
    }
    NX_THREADS_ONLY_CALLER_CHECKING
    if (priority != NX_SMTP_MAIL_PRIORITY_LOW && priority != NX_SMTP_MAIL_PRIORITY_NORMAL &&
        priority != NX_SMTP_MAIL_PRIORITY_HIGH) {
        priority = NX_SMTP_MAIL_PRIORITY_NORMAL;
    }
    return _nx_smtp_mail_send(client_ptr, recipient_address, priority, subject, mail_body, mail_body_length);
}

#ifndef NX_SMTP_CLIENT_MINIMAL
UINT _nx_smtp_client_caller_check(VOID) {
    NX_THREADS_ONLY_CALLER_CHECKING
    return NX_SUCCESS;
}
#endif
