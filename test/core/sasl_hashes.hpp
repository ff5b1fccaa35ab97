// The ports of sasl_challenge.hpp over OpenSSL, and a "random" source that gives what a test wants.
#pragma once

#include "postrider/sasl_challenge.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>

namespace postrider::test {

inline bool hmac_by(const EVP_MD* md, std::string_view key, const text_parts& message,
                    unsigned char* mac) noexcept {
    std::string all;
    for (unsigned i = 0; message.at(message.of, i).data() != nullptr; ++i) {
        all += message.at(message.of, i);
    }
    return HMAC(md, key.data(), static_cast<int>(key.size()),
                reinterpret_cast<const unsigned char*>(all.data()), all.size(), mac, nullptr) != nullptr;
}

inline hash_port md5() {
    hash_port port;
    port.hmac = [](void*, std::string_view key, const text_parts& message, unsigned char* mac) noexcept {
        return hmac_by(EVP_md5(), key, message, mac);
    };
    return port;
}

inline hash_port sha256() {
    hash_port port;
    port.hmac = [](void*, std::string_view key, const text_parts& message, unsigned char* mac) noexcept {
        return hmac_by(EVP_sha256(), key, message, mac);
    };
    port.hash = [](void*, std::string_view text, unsigned char* digest) noexcept {
        return EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) == 1;
    };
    return port;
}

/// Gives the octets of `*octets`, which must be enough.
inline random_port given(std::string& octets) {
    return {&octets, [](void* context, unsigned char* to, std::size_t size) noexcept {
                return static_cast<std::string*>(context)->copy(reinterpret_cast<char*>(to), size) == size;
            }};
}

} // namespace postrider::test
