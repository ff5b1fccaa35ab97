// NetX Secure TLS client sessions over OpenSSL.
//
// OpenSSL works on two memory buffers; the octets between them and the peer travel in packets through the
// socket's services, taken from the pools NetX takes them from, so that an empty pool, a cut stream and a
// closed window reach TLS as they do on a device. An application packet is encrypted in place: it grows by
// the record's overhead, for which nx_secure_tls_packet_allocate leaves room in front but not behind.
#include "tls.hpp"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace postrider::hosted {

namespace {

constexpr ULONG record_header = 5;
constexpr ULONG explicit_nonce = 8; // of AES-GCM in TLS 1.2
constexpr ULONG metadata_size = 8192;
constexpr ULONG metadata_size_ecc = 9216;

// What lives for one connection; the control block points to it.
struct connection {
    context_ptr context;
    ssl_ptr ssl;
    bool established = false;
    bool broken = false; // a record was lost on its way: nothing more can be sent
};

NX_SECURE_TLS_SESSION* sessions = nullptr; // under the kernel's lock

connection* connection_of(const NX_SECURE_TLS_SESSION& session) {
    return static_cast<connection*>(session.nx_secure_tls_hosted);
}

void drop_connection(NX_SECURE_TLS_SESSION& session) {
    delete connection_of(session);
    session.nx_secure_tls_hosted = nullptr;
}

// ---- certificates ----

UINT verify_status(int error) {
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return NX_SECURE_X509_CERTIFICATE_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return NX_SECURE_X509_CERTIFICATE_NOT_YET_VALID;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return NX_SECURE_X509_INVALID_SELF_SIGNED_CERT;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return NX_SECURE_X509_CERTIFICATE_SIG_CHECK_FAILED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return NX_SECURE_X509_ISSUER_CERTIFICATE_NOT_FOUND;
    default:
        return NX_SECURE_X509_CHAIN_VERIFY_FAILURE;
    }
}

NX_SECURE_X509_CERT* free_slot(NX_SECURE_TLS_SESSION& session) {
    auto* slot = session.nx_secure_tls_hosted_remote;
    while (slot != nullptr && slot->nx_secure_x509_hosted_in_use != NX_FALSE)
        slot = slot->nx_secure_x509_next_certificate;
    return slot;
}

void free_slots(NX_SECURE_TLS_SESSION& session) {
    for (auto* slot = session.nx_secure_tls_hosted_remote; slot != nullptr;
         slot = slot->nx_secure_x509_next_certificate)
        slot->nx_secure_x509_hosted_in_use = NX_FALSE;
}

// Certificates for which the application allocated no space lie in the packet buffer, if they fit.
UINT store_remote(NX_SECURE_TLS_SESSION& session, const X509* x509, std::size_t& buffer_left) {
    unsigned char* der = nullptr;
    const int length = i2d_X509(const_cast<X509*>(x509), &der);
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(
        der, [](unsigned char* memory) { OPENSSL_free(memory); });
    if (length <= 0)
        return NX_SECURE_TLS_INVALID_CERTIFICATE;
    const auto size = static_cast<UINT>(length);
    auto* slot = free_slot(session);
    if (slot == nullptr) {
        if (buffer_left < size + sizeof(NX_SECURE_X509_CERT))
            return NX_SECURE_TLS_INSUFFICIENT_CERT_SPACE;
        buffer_left -= size + sizeof(NX_SECURE_X509_CERT);
        return NX_SUCCESS;
    }
    if (slot->nx_secure_x509_certificate_raw_buffer_size < size)
        return NX_SECURE_TLS_INSUFFICIENT_CERT_SPACE;
    std::memcpy(slot->nx_secure_x509_certificate_raw_data, der, size);
    slot->nx_secure_x509_certificate_raw_data_length = size;
    slot->nx_secure_x509_hosted_in_use = NX_TRUE;
    return NX_SUCCESS;
}

UINT store_chain(NX_SECURE_TLS_SESSION& session, const STACK_OF(X509) * chain) {
    free_slots(session);
    std::size_t buffer_left = session.nx_secure_tls_packet_buffer_size;
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        if (const UINT status = store_remote(session, sk_X509_value(chain, i), buffer_left);
            status != NX_SUCCESS)
            return status;
    }
    return NX_SUCCESS;
}

// The application's say, about the peer's own certificate.
UINT ask_application(NX_SECURE_TLS_SESSION& session, const X509* leaf) {
    if (session.nx_secure_tls_session_certificate_callback == nullptr)
        return NX_SUCCESS;
    unsigned char* der = nullptr;
    const int length = i2d_X509(const_cast<X509*>(leaf), &der);
    if (length <= 0)
        return NX_SECURE_TLS_INVALID_CERTIFICATE;
    NX_SECURE_X509_CERT cert{};
    cert.nx_secure_x509_certificate_raw_data = der;
    cert.nx_secure_x509_certificate_raw_data_length = static_cast<UINT>(length);
    cert.nx_secure_x509_certificate_raw_buffer_size = static_cast<UINT>(length);
    describe(cert);
    const UINT status = session.nx_secure_tls_session_certificate_callback(&session, &cert);
    OPENSSL_free(der);
    return status;
}

int verify_peer(X509_STORE_CTX* store, void* argument) {
    auto& session = *static_cast<NX_SECURE_TLS_SESSION*>(argument);
    UINT status = store_chain(session, X509_STORE_CTX_get0_untrusted(store));
    if (status == NX_SUCCESS && X509_verify_cert(store) != 1)
        status = verify_status(X509_STORE_CTX_get_error(store));
    if (status == NX_SUCCESS)
        status = ask_application(session, X509_STORE_CTX_get0_cert(store));
    session.nx_secure_tls_hosted_status = status;
    if (status != NX_SUCCESS && X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return status == NX_SUCCESS ? 1 : 0;
}

void set_verification(const NX_SECURE_TLS_SESSION& session, SSL_CTX* context) {
    auto* param = SSL_CTX_get0_param(context);
    // A trusted intermediate is an anchor, and key purposes are the application's to check, as in NetX
    // Secure.
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
    if (session.nx_secure_tls_session_time_function != nullptr)
        X509_VERIFY_PARAM_set_time(param,
                                   static_cast<std::time_t>(session.nx_secure_tls_session_time_function()));
    else
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
    auto* store = SSL_CTX_get_cert_store(context);
    for (const auto* cert = session.nx_secure_tls_hosted_trusted; cert != nullptr;
         cert = cert->nx_secure_x509_next_certificate) {
        const auto x509 = parse(*cert);
        if (x509 != nullptr)
            X509_STORE_add_cert(store, x509.get());
    }
}

UINT set_identity(const NX_SECURE_TLS_SESSION& session, SSL_CTX* context) {
    const auto* cert = session.nx_secure_tls_hosted_local;
    if (cert == nullptr)
        return NX_SUCCESS;
    const auto x509 = parse(*cert);
    const unsigned char* at = cert->nx_secure_x509_hosted_private_key;
    const key_ptr key(d2i_AutoPrivateKey(nullptr, &at, cert->nx_secure_x509_hosted_private_key_length));
    const bool good = x509 != nullptr && key != nullptr &&
                      SSL_CTX_use_certificate(context, x509.get()) == 1 &&
                      SSL_CTX_use_PrivateKey(context, key.get()) == 1;
    ERR_clear_error();
    return good ? NX_SUCCESS : NX_SECURE_TLS_INVALID_CERTIFICATE;
}

// ---- the connection ----

void note_alert(const SSL* ssl, int where, int value) {
    if ((where & SSL_CB_READ_ALERT) != SSL_CB_READ_ALERT)
        return;
    auto& session = *static_cast<NX_SECURE_TLS_SESSION*>(SSL_get_app_data(ssl));
    session.nx_secure_tls_received_alert_level = static_cast<UINT>(value) >> 8U;
    session.nx_secure_tls_received_alert_value = static_cast<UINT>(value) & 0xFFU;
}

int newest_version(const NX_SECURE_TLS_SESSION& session) {
    if (session.nx_secure_tls_protocol_version_override != 0)
        return session.nx_secure_tls_protocol_version_override;
    return NX_SECURE_TLS_TLS_1_3_ENABLED != 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

UINT open_connection(NX_SECURE_TLS_SESSION& session) {
    auto fresh = std::make_unique<connection>();
    fresh->context.reset(SSL_CTX_new(TLS_client_method()));
    auto* context = fresh->context.get();
    const int newest = newest_version(session);
    SSL_CTX_set_min_proto_version(context, std::min(newest, TLS1_2_VERSION));
    SSL_CTX_set_max_proto_version(context, newest);
    // Curves are named by nx_secure_tls_ecc_initialize; without, no suite that needs one may be offered.
    const auto& table =
        session.nx_secure_tls_hosted_ecc != NX_FALSE ? nx_crypto_tls_ciphers_ecc : nx_crypto_tls_ciphers;
    SSL_CTX_set_cipher_list(context, table.nx_secure_tls_hosted_suites);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context, verify_peer, &session);
    set_verification(session, context);
    if (const UINT wrong = set_identity(session, context); wrong != NX_SUCCESS)
        return wrong;
    fresh->ssl.reset(SSL_new(context));
    auto* ssl = fresh->ssl.get();
    SSL_set_app_data(ssl, &session);
    SSL_set_info_callback(ssl, note_alert);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (const auto* name = session.nx_secure_tls_sni_extension_server_name; name != nullptr) {
        const std::string text(reinterpret_cast<const char*>(name->nx_secure_x509_dns_name),
                               name->nx_secure_x509_dns_name_length);
        SSL_set_tlsext_host_name(ssl, text.c_str());
    }
    SSL_set_connect_state(ssl);
    session.nx_secure_tls_hosted = fresh.release();
    return NX_SUCCESS;
}

std::vector<UCHAR> take_output(SSL* ssl) {
    char* data = nullptr;
    auto* bio = SSL_get_wbio(ssl);
    const long size = BIO_get_mem_data(bio, &data);
    std::vector<UCHAR> out(data, data + std::max(size, 0L));
    (void)BIO_reset(bio);
    return out;
}

void release(NX_PACKET* packet) {
    guard held(kernel().mutex);
    give_packet_back(held, packet);
}

// Sends what OpenSSL has to say of its own: handshake messages and alerts.
UINT flush(NX_SECURE_TLS_SESSION& session, ULONG wait_option) {
    const auto out = take_output(connection_of(session)->ssl.get());
    auto& pool = *session.nx_secure_tls_packet_pool;
    auto& socket = *session.nx_secure_tls_tcp_socket;
    const ULONG offset = header_room(socket);
    for (std::span<const UCHAR> rest(out); !rest.empty();) {
        NX_PACKET* packet = nullptr;
        UINT status = NX_SUCCESS;
        {
            guard held(kernel().mutex);
            const auto part = rest.first(std::min<std::size_t>(rest.size(), capacity(pool, 0, offset)));
            status = fill_packet(held, pool, packet, part, 0, offset, wait_option, origin::caller);
            rest = rest.subspan(part.size());
        }
        if (status != NX_SUCCESS)
            return status;
        status = tcp_send(socket, *packet, wait_option);
        if (status != NX_SUCCESS) {
            release(packet);
            return status;
        }
    }
    return NX_SUCCESS;
}

UINT feed(NX_SECURE_TLS_SESSION& session, ULONG wait_option) {
    NX_PACKET* packet = nullptr;
    const UINT status = tcp_receive(*session.nx_secure_tls_tcp_socket, packet, wait_option);
    if (status != NX_SUCCESS)
        return status;
    auto* bio = SSL_get_rbio(connection_of(session)->ssl.get());
    for (const auto* link = packet; link != nullptr; link = next_of(*link)) {
        const auto size = static_cast<int>(link->nx_packet_append_ptr - link->nx_packet_prepend_ptr);
        if (size > 0)
            BIO_write(bio, link->nx_packet_prepend_ptr, size);
    }
    release(packet);
    return NX_SUCCESS;
}

// What NetX Secure calls the failure OpenSSL reports.
UINT failure_status(NX_SECURE_TLS_SESSION& session) {
    const int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    if (session.nx_secure_tls_hosted_status != NX_SUCCESS)
        return session.nx_secure_tls_hosted_status;
    if (session.nx_secure_tls_received_alert_level != 0)
        return NX_SECURE_TLS_ALERT_RECEIVED;
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER: // also what is no TLS at all
        return NX_SECURE_TLS_UNKNOWN_TLS_VERSION;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return NX_SECURE_TLS_UNSUPPORTED_TLS_VERSION;
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
        return NX_SECURE_TLS_AEAD_DECRYPT_FAIL;
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_UNEXPECTED_RECORD:
        return NX_SECURE_TLS_UNEXPECTED_MESSAGE;
    default:
        return NX_SECURE_TLS_HANDSHAKE_FAILURE;
    }
}

UINT shake_hands(NX_SECURE_TLS_SESSION& session, ULONG wait_option) {
    auto& mine = *connection_of(session);
    while (true) {
        ERR_clear_error();
        const int done = SSL_do_handshake(mine.ssl.get());
        const int wants = SSL_get_error(mine.ssl.get(), done);
        if (done != 1 && wants != SSL_ERROR_WANT_READ) {
            const UINT why = failure_status(session);
            (void)flush(session, wait_option); // the alert, if it can be sent
            return why;
        }
        if (const UINT status = flush(session, wait_option); status != NX_SUCCESS)
            return status;
        if (done == 1) {
            mine.established = true;
            return NX_SUCCESS;
        }
        if (const UINT status = feed(session, wait_option); status != NX_SUCCESS)
            return status == NX_NO_PACKET && wait_option == NX_NO_WAIT ? NX_CONTINUE : status;
    }
}

UINT start(NX_SECURE_TLS_SESSION& session, NX_TCP_SOCKET& socket, ULONG wait_option) {
    const auto* mine = connection_of(session);
    const bool continued =
        mine != nullptr && !mine->established && session.nx_secure_tls_tcp_socket == &socket;
    if (!continued) {
        drop_connection(session);
        if (session.nx_secure_tls_packet_pool == nullptr)
            session.nx_secure_tls_packet_pool = socket.nx_tcp_socket_ip_ptr->nx_ip_default_packet_pool;
        session.nx_secure_tls_tcp_socket = &socket;
        session.nx_secure_tls_received_alert_level = 0;
        session.nx_secure_tls_received_alert_value = 0;
        session.nx_secure_tls_hosted_status = NX_SUCCESS;
        if (const UINT status = open_connection(session); status != NX_SUCCESS)
            return status;
    }
    const UINT status = shake_hands(session, wait_option);
    if (status != NX_SUCCESS && status != NX_CONTINUE)
        drop_connection(session);
    return status;
}

bool usable(const NX_SECURE_TLS_SESSION& session) {
    const auto* mine = connection_of(session);
    return mine != nullptr && mine->established && !mine->broken;
}

UINT encrypt_in_place(NX_SECURE_TLS_SESSION& session, NX_PACKET& packet, ULONG wait_option) {
    std::vector<UCHAR> plain;
    plain.reserve(packet.nx_packet_length);
    for (const auto* link = &packet; link != nullptr; link = next_of(*link))
        plain.insert(plain.end(), link->nx_packet_prepend_ptr, link->nx_packet_append_ptr);
    auto* ssl = connection_of(session)->ssl.get();
    ERR_clear_error();
    if (SSL_write(ssl, plain.data(), static_cast<int>(plain.size())) != static_cast<int>(plain.size()))
        return failure_status(session);
    const auto record = take_output(ssl);
    clear_data(packet, header_room(*session.nx_secure_tls_tcp_socket));
    return append(packet, record, *session.nx_secure_tls_packet_pool, wait_option, origin::caller);
}

UINT send(NX_SECURE_TLS_SESSION& session, NX_PACKET& packet, ULONG wait_option) {
    if (!usable(session))
        return NX_SECURE_TLS_SESSION_UNINITIALIZED;
    UINT status = encrypt_in_place(session, packet, wait_option);
    if (status == NX_SUCCESS)
        status = tcp_send(*session.nx_secure_tls_tcp_socket, packet, wait_option);
    if (status != NX_SUCCESS)
        connection_of(session)->broken = true;
    return status;
}

// Moves decrypted octets into a packet; they leave OpenSSL only when there is one.
UINT deliver(NX_SECURE_TLS_SESSION& session, std::span<const UCHAR> seen, NX_PACKET*& packet,
             ULONG wait_option) {
    auto& pool = *session.nx_secure_tls_packet_pool;
    std::size_t size = seen.size();
    {
        guard held(kernel().mutex);
        const auto cut = next_cut(kernel().set, static_cast<ULONG>(size), UINT64_MAX);
        size = std::min(cut.octets, capacity(pool, cut.link, NX_RECEIVE_PACKET));
        const UINT status = fill_packet(held, pool, packet, seen.first(size), cut.link, NX_RECEIVE_PACKET,
                                        wait_option, origin::caller);
        if (status != NX_SUCCESS)
            return status;
    }
    std::array<UCHAR, NX_SECURE_TLS_MAX_PLAINTEXT_LENGTH> taken;
    SSL_read(connection_of(session)->ssl.get(), taken.data(), static_cast<int>(size));
    OPENSSL_cleanse(taken.data(), size);
    return NX_SUCCESS;
}

UINT receive(NX_SECURE_TLS_SESSION& session, NX_PACKET*& packet, ULONG wait_option) {
    packet = nullptr;
    const auto* mine = connection_of(session);
    if (mine == nullptr || !mine->established)
        return NX_SECURE_TLS_SESSION_UNINITIALIZED;
    auto* ssl = mine->ssl.get();
    std::array<UCHAR, NX_SECURE_TLS_MAX_PLAINTEXT_LENGTH> seen;
    while (true) {
        ERR_clear_error();
        const int got = SSL_peek(ssl, seen.data(), static_cast<int>(seen.size()));
        if (got > 0)
            return deliver(session, std::span<const UCHAR>(seen).first(static_cast<std::size_t>(got)), packet,
                           wait_option);
        const int wants = SSL_get_error(ssl, got);
        if (wants == SSL_ERROR_ZERO_RETURN)
            return NX_SECURE_TLS_ALERT_RECEIVED; // close_notify: alert level 1, value 0
        if (wants != SSL_ERROR_WANT_READ) {
            const UINT why = failure_status(session);
            (void)flush(session, wait_option);
            drop_connection(session);
            return why;
        }
        if (const UINT status = flush(session, wait_option); status != NX_SUCCESS)
            return status;
        if (const UINT status = feed(session, wait_option); status != NX_SUCCESS)
            return status;
    }
}

UINT end(NX_SECURE_TLS_SESSION& session, ULONG wait_option) {
    UINT status = NX_SUCCESS;
    if (usable(session)) {
        SSL_shutdown(connection_of(session)->ssl.get());
        status = flush(session, wait_option);
    }
    drop_connection(session);
    return status;
}

UINT allocate(NX_SECURE_TLS_SESSION& session, NX_PACKET_POOL& pool, NX_PACKET*& packet, ULONG wait_option) {
    const ULONG headers = header_room(*session.nx_secure_tls_tcp_socket);
    guard held(kernel().mutex);
    const UINT status = take_packet(held, pool, packet, headers, wait_option, origin::caller);
    if (status != NX_SUCCESS)
        return status;
    constexpr ULONG in_front = record_header + explicit_nonce;
    if (packet->nx_packet_data_end - packet->nx_packet_prepend_ptr < static_cast<std::ptrdiff_t>(in_front)) {
        give_packet_back(held, packet);
        packet = nullptr;
        return NX_SECURE_TLS_PACKET_BUFFER_TOO_SMALL;
    }
    packet->nx_packet_prepend_ptr += in_front;
    packet->nx_packet_append_ptr = packet->nx_packet_prepend_ptr;
    return NX_SUCCESS;
}

UINT create(NX_SECURE_TLS_SESSION* session, const NX_SECURE_TLS_CRYPTO* table, ULONG size) {
    if (size < table->nx_secure_tls_hosted_metadata_size)
        return NX_SECURE_TLS_INSUFFICIENT_METADATA_SPACE;
    const guard held(kernel().mutex);
    *session = {};
    session->nx_secure_tls_crypto_table = table;
    session->nx_secure_tls_id = NX_SECURE_TLS_ID;
    link(sessions, session, &NX_SECURE_TLS_SESSION::nx_secure_tls_created_next);
    return NX_SUCCESS;
}

bool created(const NX_SECURE_TLS_SESSION* session) {
    const guard held(kernel().mutex);
    return linked(sessions, session, &NX_SECURE_TLS_SESSION::nx_secure_tls_created_next);
}

void add_certificate(NX_SECURE_X509_CERT*& list, NX_SECURE_X509_CERT* cert) {
    link(list, cert, &NX_SECURE_X509_CERT::nx_secure_x509_next_certificate);
}

// Splits one buffer into certificate spaces.
UINT split_buffer(NX_SECURE_TLS_SESSION& session, UINT number, void* buffer, ULONG size) {
    constexpr auto grain = alignof(NX_SECURE_X509_CERT);
    const auto address = reinterpret_cast<std::uintptr_t>(buffer);
    const std::size_t lost = (grain - address % grain) % grain;
    const std::size_t headers = number * sizeof(NX_SECURE_X509_CERT);
    if (size < lost + headers || (size - lost - headers) / number < NX_SECURE_TLS_MINIMUM_CERTIFICATE_SIZE)
        return NX_INVALID_PARAMETERS;
    auto* at = static_cast<UCHAR*>(buffer) + lost;
    const auto each = static_cast<UINT>((size - lost - headers) / number);
    auto* data = at + headers;
    for (UINT i = 0; i < number; ++i) {
        auto* cert = new (at + i * sizeof(NX_SECURE_X509_CERT)) NX_SECURE_X509_CERT{};
        cert->nx_secure_x509_certificate_raw_data = data + std::size_t{i} * each;
        cert->nx_secure_x509_certificate_raw_buffer_size = each;
        add_certificate(session.nx_secure_tls_hosted_remote, cert);
    }
    return NX_SUCCESS;
}

UINT check_session(const NX_SECURE_TLS_SESSION* session) {
    if (session == nullptr)
        return NX_PTR_ERROR;
    return session->nx_secure_tls_id == NX_SECURE_TLS_ID ? NX_SUCCESS : NX_SECURE_TLS_SESSION_UNINITIALIZED;
}

} // namespace

void stop_tls() {
    const guard held(kernel().mutex);
    while (sessions != nullptr) {
        auto* session = sessions;
        drop_connection(*session);
        session->nx_secure_tls_id = 0;
        unlink(sessions, session, &NX_SECURE_TLS_SESSION::nx_secure_tls_created_next);
    }
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

const NX_SECURE_TLS_CRYPTO nx_crypto_tls_ciphers = {"kRSA+AESGCM:kRSA+AES", metadata_size, NX_FALSE};
const NX_SECURE_TLS_CRYPTO nx_crypto_tls_ciphers_ecc = {"ECDHE+AESGCM:ECDHE+AES:kRSA+AESGCM:kRSA+AES",
                                                        metadata_size_ecc, NX_TRUE};
// secp256r1, secp384r1, secp521r1, by their TLS numbers.
const USHORT nx_crypto_ecc_supported_groups[] = {0x17, 0x18, 0x19};
const UINT nx_crypto_ecc_supported_groups_size = 3;
static const NX_CRYPTO_METHOD curve_methods[] = {{0x17}, {0x18}, {0x19}};
const NX_CRYPTO_METHOD* nx_crypto_ecc_curves[] = {&curve_methods[0], &curve_methods[1], &curve_methods[2]};

UINT nx_crypto_initialize(VOID) {
    return NX_CRYPTO_SUCCESS;
}

VOID nx_secure_tls_initialize(VOID) {
    OPENSSL_init_ssl(0, nullptr);
}

UINT nx_secure_tls_shutdown(VOID) {
    const guard held(kernel().mutex);
    return sessions == nullptr ? NX_SUCCESS : NX_STILL_BOUND;
}

UINT nx_secure_tls_ecc_initialize(NX_SECURE_TLS_SESSION* tls_session, const USHORT* supported_groups,
                                  USHORT supported_group_count, const NX_CRYPTO_METHOD** curves) {
    return service("nx_secure_tls_ecc_initialize", [&]() -> UINT {
        if (tls_session == nullptr || supported_groups == nullptr || supported_group_count == 0 ||
            curves == nullptr)
            return NX_PTR_ERROR;
        tls_session->nx_secure_tls_hosted_ecc =
            tls_session->nx_secure_tls_crypto_table->nx_secure_tls_hosted_ecc;
        return NX_SUCCESS;
    });
}

UINT _nx_secure_tls_metadata_size_calculate(const NX_SECURE_TLS_CRYPTO* cipher_table, ULONG* size) {
    *size = cipher_table->nx_secure_tls_hosted_metadata_size;
    return NX_SUCCESS;
}

UINT _nxe_secure_tls_metadata_size_calculate(const NX_SECURE_TLS_CRYPTO* cipher_table, ULONG* size) {
    if (cipher_table == nullptr || size == nullptr)
        return NX_PTR_ERROR;
    return _nx_secure_tls_metadata_size_calculate(cipher_table, size);
}

UINT _nx_secure_tls_session_create(NX_SECURE_TLS_SESSION* session_ptr,
                                   const NX_SECURE_TLS_CRYPTO* cipher_table, VOID* /*metadata_area*/,
                                   ULONG size) {
    return service("nx_secure_tls_session_create", [&] { return create(session_ptr, cipher_table, size); });
}

UINT _nxe_secure_tls_session_create(NX_SECURE_TLS_SESSION* session_ptr,
                                    const NX_SECURE_TLS_CRYPTO* cipher_table, VOID* metadata_area,
                                    ULONG size) {
    if (session_ptr == nullptr || cipher_table == nullptr || metadata_area == nullptr || created(session_ptr))
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_create(session_ptr, cipher_table, metadata_area, size);
}

UINT _nx_secure_tls_session_delete(NX_SECURE_TLS_SESSION* tls_session) {
    return service("nx_secure_tls_session_delete", [&]() -> UINT {
        const guard held(kernel().mutex);
        drop_connection(*tls_session);
        unlink(sessions, tls_session, &NX_SECURE_TLS_SESSION::nx_secure_tls_created_next);
        *tls_session = {};
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_delete(NX_SECURE_TLS_SESSION* tls_session) {
    if (tls_session == nullptr || !created(tls_session))
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_delete(tls_session);
}

UINT _nx_secure_tls_session_start(NX_SECURE_TLS_SESSION* tls_session, NX_TCP_SOCKET* tcp_socket,
                                  UINT wait_option) {
    return service("nx_secure_tls_session_start",
                   [&] { return start(*tls_session, *tcp_socket, wait_option); });
}

UINT _nxe_secure_tls_session_start(NX_SECURE_TLS_SESSION* tls_session, NX_TCP_SOCKET* tcp_socket,
                                   UINT wait_option) {
    if (tls_session == nullptr || tcp_socket == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_start(tls_session, tcp_socket, wait_option);
}

UINT _nx_secure_tls_session_end(NX_SECURE_TLS_SESSION* tls_session, UINT wait_option) {
    return service("nx_secure_tls_session_end", [&] { return end(*tls_session, wait_option); });
}

UINT _nxe_secure_tls_session_end(NX_SECURE_TLS_SESSION* tls_session, UINT wait_option) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_end(tls_session, wait_option);
}

UINT _nx_secure_tls_session_reset(NX_SECURE_TLS_SESSION* tls_session) {
    return service("nx_secure_tls_session_reset", [&]() -> UINT {
        drop_connection(*tls_session);
        free_slots(*tls_session);
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_reset(NX_SECURE_TLS_SESSION* tls_session) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_reset(tls_session);
}

UINT _nx_secure_tls_packet_allocate(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* pool_ptr,
                                    NX_PACKET** packet_ptr, ULONG wait_option) {
    return service("nx_secure_tls_packet_allocate",
                   [&] { return allocate(*tls_session, *pool_ptr, *packet_ptr, wait_option); });
}

UINT _nxe_secure_tls_packet_allocate(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* pool_ptr,
                                     NX_PACKET** packet_ptr, ULONG wait_option) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    if (!is_pool(pool_ptr) || packet_ptr == nullptr)
        return NX_PTR_ERROR;
    const auto* socket = tls_session->nx_secure_tls_tcp_socket;
    ULONG state = NX_TCP_CLOSED;
    if (socket != nullptr) {
        const guard held(kernel().mutex);
        state = socket->nx_tcp_socket_state;
    }
    if (state != NX_TCP_ESTABLISHED)
        return NX_SECURE_TLS_SESSION_UNINITIALIZED;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_packet_allocate(tls_session, pool_ptr, packet_ptr, wait_option);
}

UINT _nx_secure_tls_session_send(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET* packet_ptr,
                                 ULONG wait_option) {
    return service("nx_secure_tls_session_send",
                   [&] { return send(*tls_session, *packet_ptr, wait_option); });
}

UINT _nxe_secure_tls_session_send(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET* packet_ptr,
                                  ULONG wait_option) {
    if (tls_session == nullptr || packet_ptr == nullptr)
        return NX_PTR_ERROR;
    if (packet_ptr->nx_packet_length == 0)
        return NX_INVALID_PACKET;
    if (tls_session->nx_secure_tls_tcp_socket == nullptr || tls_session->nx_secure_tls_id != NX_SECURE_TLS_ID)
        return NX_SECURE_TLS_SESSION_UNINITIALIZED;
    if (packet_ptr->nx_packet_length > NX_SECURE_TLS_MAX_PLAINTEXT_LENGTH)
        return NX_SECURE_TLS_RECORD_OVERFLOW;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_send(tls_session, packet_ptr, wait_option);
}

UINT _nx_secure_tls_session_receive(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET** packet_ptr_ptr,
                                    ULONG wait_option) {
    *packet_ptr_ptr = nullptr;
    return service("nx_secure_tls_session_receive",
                   [&] { return receive(*tls_session, *packet_ptr_ptr, wait_option); });
}

UINT _nxe_secure_tls_session_receive(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET** packet_ptr_ptr,
                                     ULONG wait_option) {
    if (tls_session == nullptr || packet_ptr_ptr == nullptr)
        return NX_PTR_ERROR;
    if (tls_session->nx_secure_tls_id != NX_SECURE_TLS_ID || tls_session->nx_secure_tls_tcp_socket == nullptr)
        return NX_SECURE_TLS_SESSION_UNINITIALIZED;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_receive(tls_session, packet_ptr_ptr, wait_option);
}

UINT _nx_secure_tls_session_packet_buffer_set(NX_SECURE_TLS_SESSION* session_ptr, UCHAR* buffer_ptr,
                                              ULONG buffer_size) {
    return service("nx_secure_tls_session_packet_buffer_set", [&]() -> UINT {
        session_ptr->nx_secure_tls_packet_buffer = buffer_ptr;
        session_ptr->nx_secure_tls_packet_buffer_size = buffer_size;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_packet_buffer_set(NX_SECURE_TLS_SESSION* session_ptr, UCHAR* buffer_ptr,
                                               ULONG buffer_size) {
    if (session_ptr == nullptr || buffer_ptr == nullptr)
        return NX_PTR_ERROR;
    if (buffer_size < NX_SECURE_TLS_MINIMUM_MESSAGE_BUFFER_SIZE)
        return NX_INVALID_PARAMETERS;
    if (const UINT wrong = check_session(session_ptr); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_packet_buffer_set(session_ptr, buffer_ptr, buffer_size);
}

UINT _nx_secure_tls_session_packet_pool_set(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* packet_pool) {
    return service("nx_secure_tls_session_packet_pool_set", [&]() -> UINT {
        tls_session->nx_secure_tls_packet_pool = packet_pool;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_packet_pool_set(NX_SECURE_TLS_SESSION* tls_session,
                                             NX_PACKET_POOL* packet_pool) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_packet_pool_set(tls_session, packet_pool);
}

UINT _nx_secure_tls_trusted_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                            NX_SECURE_X509_CERT* certificate) {
    return service("nx_secure_tls_trusted_certificate_add", [&]() -> UINT {
        add_certificate(tls_session->nx_secure_tls_hosted_trusted, certificate);
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_trusted_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                             NX_SECURE_X509_CERT* certificate) {
    if (tls_session == nullptr || certificate == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_trusted_certificate_add(tls_session, certificate);
}

UINT _nx_secure_tls_local_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                          NX_SECURE_X509_CERT* certificate) {
    return service("nx_secure_tls_local_certificate_add", [&]() -> UINT {
        add_certificate(tls_session->nx_secure_tls_hosted_local, certificate);
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_local_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                           NX_SECURE_X509_CERT* certificate) {
    if (tls_session == nullptr || certificate == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_local_certificate_add(tls_session, certificate);
}

UINT _nx_secure_tls_active_certificate_set(NX_SECURE_TLS_SESSION* tls_session,
                                           NX_SECURE_X509_CERT* certificate) {
    return service("nx_secure_tls_active_certificate_set", [&]() -> UINT {
        // The one at the head is offered.
        unlink(tls_session->nx_secure_tls_hosted_local, certificate,
               &NX_SECURE_X509_CERT::nx_secure_x509_next_certificate);
        certificate->nx_secure_x509_next_certificate = tls_session->nx_secure_tls_hosted_local;
        tls_session->nx_secure_tls_hosted_local = certificate;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_active_certificate_set(NX_SECURE_TLS_SESSION* tls_session,
                                            NX_SECURE_X509_CERT* certificate) {
    if (tls_session == nullptr || certificate == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_active_certificate_set(tls_session, certificate);
}

UINT _nx_secure_tls_remote_certificate_allocate(NX_SECURE_TLS_SESSION* tls_session,
                                                NX_SECURE_X509_CERT* certificate,
                                                UCHAR* raw_certificate_buffer, UINT buffer_size) {
    return service("nx_secure_tls_remote_certificate_allocate", [&]() -> UINT {
        *certificate = {};
        certificate->nx_secure_x509_certificate_raw_data = raw_certificate_buffer;
        certificate->nx_secure_x509_certificate_raw_buffer_size = buffer_size;
        add_certificate(tls_session->nx_secure_tls_hosted_remote, certificate);
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_remote_certificate_allocate(NX_SECURE_TLS_SESSION* tls_session,
                                                 NX_SECURE_X509_CERT* certificate,
                                                 UCHAR* raw_certificate_buffer, UINT buffer_size) {
    if (tls_session == nullptr || certificate == nullptr || raw_certificate_buffer == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    if (buffer_size == 0)
        return NX_SECURE_TLS_INSUFFICIENT_CERT_SPACE;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_remote_certificate_allocate(tls_session, certificate, raw_certificate_buffer,
                                                      buffer_size);
}

UINT _nx_secure_tls_remote_certificate_buffer_allocate(NX_SECURE_TLS_SESSION* tls_session, UINT certs_number,
                                                       VOID* certificate_buffer, ULONG buffer_size) {
    return service("nx_secure_tls_remote_certificate_buffer_allocate",
                   [&] { return split_buffer(*tls_session, certs_number, certificate_buffer, buffer_size); });
}

UINT _nxe_secure_tls_remote_certificate_buffer_allocate(NX_SECURE_TLS_SESSION* tls_session, UINT certs_number,
                                                        VOID* certificate_buffer, ULONG buffer_size) {
    if (tls_session == nullptr || certificate_buffer == nullptr)
        return NX_PTR_ERROR;
    if (certs_number == 0 || buffer_size == 0)
        return NX_INVALID_PARAMETERS;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_remote_certificate_buffer_allocate(tls_session, certs_number, certificate_buffer,
                                                             buffer_size);
}

UINT _nx_secure_tls_remote_certificate_free_all(NX_SECURE_TLS_SESSION* tls_session) {
    return service("nx_secure_tls_remote_certificate_free_all", [&]() -> UINT {
        free_slots(*tls_session);
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_remote_certificate_free_all(NX_SECURE_TLS_SESSION* tls_session) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_remote_certificate_free_all(tls_session);
}

UINT _nx_secure_tls_session_alert_value_get(NX_SECURE_TLS_SESSION* tls_session, UINT* alert_level,
                                            UINT* alert_value) {
    *alert_level = tls_session->nx_secure_tls_received_alert_level;
    *alert_value = tls_session->nx_secure_tls_received_alert_value;
    return NX_SUCCESS;
}

UINT _nxe_secure_tls_session_alert_value_get(NX_SECURE_TLS_SESSION* tls_session, UINT* alert_level,
                                             UINT* alert_value) {
    if (alert_level == nullptr || alert_value == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    return _nx_secure_tls_session_alert_value_get(tls_session, alert_level, alert_value);
}

UINT _nx_secure_tls_session_certificate_callback_set(NX_SECURE_TLS_SESSION* tls_session,
                                                     ULONG (*func_ptr)(NX_SECURE_TLS_SESSION*,
                                                                       NX_SECURE_X509_CERT*)) {
    return service("nx_secure_tls_session_certificate_callback_set", [&]() -> UINT {
        tls_session->nx_secure_tls_session_certificate_callback = func_ptr;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_certificate_callback_set(NX_SECURE_TLS_SESSION* tls_session,
                                                      ULONG (*func_ptr)(NX_SECURE_TLS_SESSION*,
                                                                        NX_SECURE_X509_CERT*)) {
    if (func_ptr == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_certificate_callback_set(tls_session, func_ptr);
}

// A client always verifies its server; these two are about a server asking for the client's certificate.
UINT _nx_secure_tls_session_client_verify_enable(NX_SECURE_TLS_SESSION* tls_session) {
    tls_session->nx_secure_tls_hosted_verify_disabled = NX_FALSE;
    return NX_SUCCESS;
}

UINT _nxe_secure_tls_session_client_verify_enable(NX_SECURE_TLS_SESSION* tls_session) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_client_verify_enable(tls_session);
}

UINT _nx_secure_tls_session_client_verify_disable(NX_SECURE_TLS_SESSION* tls_session) {
    tls_session->nx_secure_tls_hosted_verify_disabled = NX_TRUE;
    return NX_SUCCESS;
}

UINT _nxe_secure_tls_session_client_verify_disable(NX_SECURE_TLS_SESSION* tls_session) {
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_client_verify_disable(tls_session);
}

UINT _nx_secure_tls_session_protocol_version_override(NX_SECURE_TLS_SESSION* tls_session,
                                                      USHORT protocol_version) {
    return service("nx_secure_tls_session_protocol_version_override", [&]() -> UINT {
        tls_session->nx_secure_tls_protocol_version_override = protocol_version;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_protocol_version_override(NX_SECURE_TLS_SESSION* tls_session,
                                                       USHORT protocol_version) {
    if (tls_session == nullptr)
        return NX_PTR_ERROR;
    if (protocol_version == NX_SECURE_TLS_VERSION_TLS_1_0 ||
        protocol_version == NX_SECURE_TLS_VERSION_TLS_1_1)
        return NX_SECURE_TLS_UNSUPPORTED_TLS_VERSION;
    const bool known =
        protocol_version == NX_SECURE_TLS_VERSION_TLS_1_2 ||
        (NX_SECURE_TLS_TLS_1_3_ENABLED != 0 && protocol_version == NX_SECURE_TLS_VERSION_TLS_1_3);
    if (!known)
        return NX_SECURE_TLS_UNKNOWN_TLS_VERSION;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_protocol_version_override(tls_session, protocol_version);
}

UINT _nx_secure_tls_session_sni_extension_set(NX_SECURE_TLS_SESSION* tls_session,
                                              NX_SECURE_X509_DNS_NAME* dns_name) {
    return service("nx_secure_tls_session_sni_extension_set", [&]() -> UINT {
        tls_session->nx_secure_tls_sni_extension_server_name = dns_name;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_sni_extension_set(NX_SECURE_TLS_SESSION* tls_session,
                                               NX_SECURE_X509_DNS_NAME* dns_name) {
    if (tls_session == nullptr || dns_name == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_sni_extension_set(tls_session, dns_name);
}

UINT _nx_secure_tls_session_time_function_set(NX_SECURE_TLS_SESSION* tls_session,
                                              ULONG (*time_func_ptr)(VOID)) {
    return service("nx_secure_tls_session_time_function_set", [&]() -> UINT {
        tls_session->nx_secure_tls_session_time_function = time_func_ptr;
        return NX_SUCCESS;
    });
}

UINT _nxe_secure_tls_session_time_function_set(NX_SECURE_TLS_SESSION* tls_session,
                                               ULONG (*time_func_ptr)(VOID)) {
    if (tls_session == nullptr || time_func_ptr == nullptr)
        return NX_PTR_ERROR;
    if (const UINT wrong = check_session(tls_session); wrong != NX_SUCCESS)
        return wrong;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_tls_session_time_function_set(tls_session, time_func_ptr);
}

} // extern "C"
