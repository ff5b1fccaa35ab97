#include "mechanisms.hpp"

#ifdef NX_SMTP_CLIENT_FURTHER_MECHANISM

#include "postrider/sasl_challenge.hpp"
#include "postrider/sasl_token.hpp"

#include <new>

namespace postrider::netx {

namespace {

using crypto = NX_SMTP_CLIENT_CRYPTO;

const UCHAR* octets(std::string_view text) {
    return reinterpret_cast<const UCHAR*>(text.data());
}

template <UINT Hash>
[[maybe_unused]] bool hmac(void* context, std::string_view key, const text_parts& message,
                           unsigned char* mac) noexcept {
    const auto& by = *static_cast<const crypto*>(context);
    VOID* const own = by.nx_smtp_crypto_context;
    UINT status = by.nx_smtp_crypto_hmac_begin(own, Hash, octets(key), static_cast<UINT>(key.size()));
    for (unsigned i = 0; status == NX_SUCCESS; ++i) {
        const std::string_view part = message.at(message.of, i);
        if (part.data() == nullptr) {
            return by.nx_smtp_crypto_hmac_end(own, mac) == NX_SUCCESS;
        }
        status = by.nx_smtp_crypto_hmac_update(own, octets(part), static_cast<UINT>(part.size()));
    }
    return false;
}

[[maybe_unused]] bool sha256(void* context, std::string_view text, unsigned char* digest) noexcept {
    const auto& by = *static_cast<const crypto*>(context);
    return by.nx_smtp_crypto_sha256(by.nx_smtp_crypto_context, octets(text), static_cast<UINT>(text.size()),
                                    digest) == NX_SUCCESS;
}

[[maybe_unused]] bool fill(void* context, unsigned char* to, std::size_t size) noexcept {
    const auto& by = *static_cast<const crypto*>(context);
    return by.nx_smtp_crypto_random(by.nx_smtp_crypto_context, to, static_cast<UINT>(size)) == NX_SUCCESS;
}

// Nothing was lent: a port without functions, and the mechanism gives up.
template <UINT Hash>
[[maybe_unused]] hash_port hash_of(const NX_SMTP_CLIENT& c) {
    const crypto* const by = c.nx_smtp_client_crypto;
    return by == NX_NULL ? hash_port{}
                         : hash_port{const_cast<crypto*>(by), hmac<Hash>,
                                     by->nx_smtp_crypto_sha256 == nullptr ? nullptr : sha256, nullptr};
}

[[maybe_unused]] random_port random_of(const NX_SMTP_CLIENT& c) {
    const crypto* const by = c.nx_smtp_client_crypto;
    return by == NX_NULL || by->nx_smtp_crypto_random == nullptr ? random_port{}
                                                                 : random_port{const_cast<crypto*>(by), fill};
}

#ifdef NX_SMTP_CLIENT_ENABLE_CRAM_MD5
mechanism* make_cram_md5(const NX_SMTP_CLIENT& c, void* space) {
    static_assert(sizeof(cram_md5_mechanism) <= NX_SMTP_CLIENT_MECHANISM_SIZE);
    return new (space) cram_md5_mechanism(user_of(c), password_of(c), hash_of<NX_SMTP_HASH_MD5>(c));
}
#else
mechanism* make_cram_md5(const NX_SMTP_CLIENT&, void*) {
    return nullptr;
}
#endif

#ifdef NX_SMTP_CLIENT_ENABLE_SCRAM_SHA_256
mechanism* make_scram_sha_256(const NX_SMTP_CLIENT& c, void* space) {
    static_assert(sizeof(scram_sha_256_mechanism) <= NX_SMTP_CLIENT_MECHANISM_SIZE);
    return new (space) scram_sha_256_mechanism(user_of(c), password_of(c), hash_of<NX_SMTP_HASH_SHA256>(c),
                                               random_of(c), {4096, NX_SMTP_CLIENT_SCRAM_MAX_ITERATIONS});
}
#else
mechanism* make_scram_sha_256(const NX_SMTP_CLIENT&, void*) {
    return nullptr;
}
#endif

#ifdef NX_SMTP_CLIENT_ENABLE_OAUTH
mechanism* make_token(const NX_SMTP_CLIENT& c, void* space) {
    static_assert(sizeof(oauthbearer_mechanism) <= NX_SMTP_CLIENT_MECHANISM_SIZE &&
                  sizeof(xoauth2_mechanism) <= NX_SMTP_CLIENT_MECHANISM_SIZE);
    if (c.nx_smtp_client_authentication_type == xoauth2_type) {
        return new (space) xoauth2_mechanism(user_of(c), password_of(c));
    }
    return new (space) oauthbearer_mechanism(user_of(c), password_of(c));
}
#else
mechanism* make_token(const NX_SMTP_CLIENT&, void*) {
    return nullptr;
}
#endif

} // namespace

mechanism* further_mechanism::make(const NX_SMTP_CLIENT& c) {
    const UINT type = c.nx_smtp_client_authentication_type;
    if (!is_further_type(type)) {
        return nullptr;
    }
    return type == cram_md5_type        ? make_cram_md5(c, space_.data())
           : type == scram_sha_256_type ? make_scram_sha_256(c, space_.data())
                                        : make_token(c, space_.data());
}

} // namespace postrider::netx

#endif
