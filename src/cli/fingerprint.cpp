#include "fingerprint.hpp"

#include "error.hpp"

#include <openssl/evp.h>

#include <sys/random.h>

namespace postrider::cli {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

} // namespace

std::string message_key::text() const {
    std::string out;
    for (const unsigned char octet : octets) {
        out += digits[octet >> 4U];
        out += digits[octet & 15U];
    }
    return out;
}

std::optional<message_key> message_key::parse(std::string_view text) {
    message_key out;
    if (text.size() != out.octets.size() * 2 || text.find_first_not_of(digits) != std::string_view::npos) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < out.octets.size(); ++i) {
        out.octets[i] =
            static_cast<unsigned char>(digits.find(text[2 * i]) * 16 + digits.find(text[2 * i + 1]));
    }
    return out;
}

std::string random_text() {
    message_key out;
    if (getrandom(out.octets.data(), out.octets.size(), 0) != static_cast<ssize_t>(out.octets.size())) {
        throw command_error(exit_code::internal, "the system gives no random octets");
    }
    return out.text();
}

struct fingerprint::state {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
};

fingerprint::fingerprint() : state_(std::make_unique<state>()) {
    if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1) {
        EVP_MD_CTX_free(state_->context);
        throw command_error(exit_code::internal, "OpenSSL has no SHA-256");
    }
}

fingerprint::~fingerprint() {
    EVP_MD_CTX_free(state_->context);
}

void fingerprint::feed(const void* octets, std::size_t size) {
    if (EVP_DigestUpdate(state_->context, octets, size) != 1) {
        throw command_error(exit_code::internal, "OpenSSL cannot hash");
    }
}

fingerprint& fingerprint::add(std::uint64_t number) {
    std::array<unsigned char, 8> octets{};
    for (unsigned char& octet : octets) {
        octet = static_cast<unsigned char>(number & 0xFFU);
        number >>= 8U;
    }
    feed(octets.data(), octets.size());
    return *this;
}

fingerprint& fingerprint::add(std::string_view part) {
    add(std::uint64_t{part.size()});
    feed(part.data(), part.size());
    return *this;
}

fingerprint& fingerprint::add_content(const content& octets) {
    add(octets.size());
    auto reader = octets.read();
    for (;;) {
        const auto chunk = reader.next();
        if (!chunk) {
            throw command_error(exit_code::data, "the message cannot be read");
        }
        if (chunk->empty()) {
            return *this;
        }
        feed(chunk->data(), chunk->size());
    }
}

message_key fingerprint::key() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> whole{};
    if (EVP_DigestFinal_ex(state_->context, whole.data(), nullptr) != 1) {
        throw command_error(exit_code::internal, "OpenSSL cannot hash");
    }
    message_key out;
    std::memcpy(out.octets.data(), whole.data(), out.octets.size());
    return out;
}

} // namespace postrider::cli
