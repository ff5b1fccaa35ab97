// What a build of the client has, told apart once: the rest of the code asks these functions and holds no
// #if.
#pragma once

#include "netxduo/nxd_smtp_client.h"
#include "postrider/outcome.hpp"

#include <cstring>
#include <span>
#include <string_view>

namespace postrider::netx {

#ifdef NX_SMTP_CLIENT_REQUIRE_TLS_FOR_AUTH
inline constexpr bool auth_needs_tls = true;
#else
inline constexpr bool auth_needs_tls = false;
#endif

#if defined(NX_SMTP_CLIENT_ENABLE_CRAM_MD5) && !defined(NX_SMTP_CLIENT_MINIMAL)
inline constexpr bool has_cram_md5 = true;
#else
inline constexpr bool has_cram_md5 = false;
#endif
#if defined(NX_SMTP_CLIENT_ENABLE_SCRAM_SHA_256) && !defined(NX_SMTP_CLIENT_MINIMAL)
inline constexpr bool has_scram_sha_256 = true;
#else
inline constexpr bool has_scram_sha_256 = false;
#endif
#if defined(NX_SMTP_CLIENT_ENABLE_OAUTH) && !defined(NX_SMTP_CLIENT_MINIMAL)
inline constexpr bool has_oauth = true;
#else
inline constexpr bool has_oauth = false;
#endif

// The authentication types beyond PLAIN, LOGIN and NONE. Their names in the header are there only where they
// are.
inline constexpr UINT cram_md5_type = NX_SMTP_CLIENT_AUTH_CRAM_MD5;
inline constexpr UINT scram_sha_256_type = 4;
inline constexpr UINT oauthbearer_type = 5;
inline constexpr UINT xoauth2_type = 6;

inline bool is_token_type(UINT type) {
    return has_oauth && (type == oauthbearer_type || type == xoauth2_type);
}
inline bool is_further_type(UINT type) {
    return (has_cram_md5 && type == cram_md5_type) || (has_scram_sha_256 && type == scram_sha_256_type) ||
           is_token_type(type);
}

#ifdef NX_DISABLE_RESET_DISCONNECT
inline constexpr bool may_reset = false;
#else
inline constexpr bool may_reset = true;
#endif

#ifdef NX_DISABLE_PACKET_CHAIN
inline NX_PACKET* next_packet(const NX_PACKET&) {
    return NX_NULL;
}
#else
inline NX_PACKET* next_packet(const NX_PACKET& p) {
    return p.nx_packet_next;
}
#endif

#ifndef NX_SMTP_CLIENT_MINIMAL
inline const CHAR* user_of(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_user_ptr;
}
inline const CHAR* password_of(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_password_ptr;
}
inline UINT secure_of(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_secure;
}
inline bool keep_of(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_keep != NX_FALSE;
}
inline bool is_connected(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_connected != NX_FALSE;
}
inline void set_connected(NX_SMTP_CLIENT& c, bool on) {
    c.nx_smtp_client_connected = on ? NX_TRUE : NX_FALSE;
}
inline ULONG time_of(const NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_time == NX_NULL ? 0 : c.nx_smtp_client_time();
}
inline std::span<char> text_space_of(NX_SMTP_CLIENT& c) {
    return c.nx_smtp_client_reply_text;
}
inline void set_reply(NX_SMTP_CLIENT& c, unsigned code, std::size_t length) {
    c.nx_smtp_client_reply_code_status = static_cast<USHORT>(code);
    c.nx_smtp_client_reply_length = static_cast<UINT>(length);
    c.nx_smtp_client_sent = NX_TRUE;
}
inline void clear_reply(NX_SMTP_CLIENT& c) {
    set_reply(c, 0, 0);
    c.nx_smtp_client_sent = NX_FALSE;
}
inline void keep_reply(NX_SMTP_CLIENT& c, const reply& r) {
    c.nx_smtp_client_reply_code_status = r.code;
    c.nx_smtp_client_reply_length = static_cast<UINT>(r.text.size());
    std::memcpy(c.nx_smtp_client_reply_text, r.text.data(), r.text.size());
}

// TLS by NetX Secure, where the build has it.
#ifdef NX_SECURE_ENABLE
UINT tls_start(NX_SMTP_CLIENT& c);
UINT tls_packet(NX_SMTP_CLIENT& c, NX_PACKET** packet);
UINT tls_send(NX_SMTP_CLIENT& c, NX_PACKET* packet, ULONG wait);
UINT tls_receive(NX_SMTP_CLIENT& c, NX_PACKET** packet, ULONG wait);
void tls_end(NX_SMTP_CLIENT& c);
#else
inline UINT tls_start(NX_SMTP_CLIENT&) {
    return NX_NOT_SUPPORTED;
}
inline UINT tls_packet(NX_SMTP_CLIENT&, NX_PACKET**) {
    return NX_NOT_SUPPORTED;
}
inline UINT tls_send(NX_SMTP_CLIENT&, NX_PACKET*, ULONG) {
    return NX_NOT_SUPPORTED;
}
inline UINT tls_receive(NX_SMTP_CLIENT&, NX_PACKET**, ULONG) {
    return NX_NOT_SUPPORTED;
}
inline void tls_end(NX_SMTP_CLIENT&) {}
#endif

#endif // NX_SMTP_CLIENT_MINIMAL

} // namespace postrider::netx
