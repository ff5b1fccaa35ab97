#include "postrider/secret.hpp"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

namespace postrider {

void wipe(void* memory, std::size_t size) noexcept {
    OPENSSL_cleanse(memory, size);
}

secret::secret(std::string_view octets)
    : octets_(octets.empty() ? nullptr : std::make_unique<char[]>(octets.size())), size_(octets.size()) {
    if (size_ > 0) {
        std::memcpy(octets_.get(), octets.data(), size_);
    }
}

secret::secret(secret&& other) noexcept
    : octets_(std::move(other.octets_)), size_(std::exchange(other.size_, 0)) {}

secret& secret::operator=(const secret& other) {
    if (this != &other) {
        *this = secret(other);
    }
    return *this;
}

secret& secret::operator=(secret&& other) noexcept {
    std::swap(octets_, other.octets_);
    std::swap(size_, other.size_);
    const secret old = std::move(other); // wiped here, not when `other` happens to end
    return *this;
}

secret::~secret() {
    if (octets_) {
        wipe(octets_.get(), size_);
    }
}

bool operator==(const secret& a, const secret& b) noexcept {
    return a.size_ == b.size_ &&
           (a.size_ == 0 || CRYPTO_memcmp(a.octets_.get(), b.octets_.get(), a.size_) == 0);
}

} // namespace postrider
