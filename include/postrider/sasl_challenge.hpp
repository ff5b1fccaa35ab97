// sasl_challenge.hpp - mechanisms in which the password stays at home: CRAM-MD5 (RFC 2195) and SCRAM-SHA-256
// (RFC 5802, RFC 7677).
//
// Hashes and random octets are ports that the caller hands in: the library has no cryptography of its own,
// and a device takes what its chip or its TLS already brings.
#pragma once

#include "postrider/features.hpp"
#include "postrider/sasl.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postrider {

/// A text in parts, so that nobody has to put it together: at(of, 0), at(of, 1) ...; data() == nullptr ends
/// it.
struct text_parts {
    const void* of = nullptr;
    std::string_view (*at)(const void* of, unsigned index) noexcept = nullptr;
};

/// What a mechanism needs of one hash. Functions return false when they cannot; `context` goes to each call.
struct hash_port {
    void* context = nullptr;
    /// HMAC (RFC 2104) of the message into `mac`: 16 octets for MD5, 32 for SHA-256. `mac` may be where a
    /// part of the message lies.
    bool (*hmac)(void* context, std::string_view key, const text_parts& message,
                 unsigned char* mac) noexcept = nullptr;
    /// The hash of the text. Not needed by CRAM-MD5.
    bool (*hash)(void* context, std::string_view text, unsigned char* digest) noexcept = nullptr;
    /// PBKDF2 (RFC 8018 5.2) over this hash's HMAC, one block. nullptr: by `iterations` calls of hmac.
    bool (*pbkdf2)(void* context, std::string_view password, std::string_view salt, std::uint32_t iterations,
                   unsigned char* key) noexcept = nullptr;
};

/// A source of octets that nobody can guess.
struct random_port {
    void* context = nullptr;
    bool (*fill)(void* context, unsigned char* to, std::size_t size) noexcept = nullptr;
};

#if POSTRIDER_CRAM_MD5

/// AUTH CRAM-MD5 (RFC 2195). Who reads or asks a challenge and hears the response can try passwords at
/// leisure, and the server is not proved to be one. The texts are lent.
class cram_md5_mechanism final : public mechanism {
  public:
    constexpr cram_md5_mechanism(std::string_view user, std::string_view password,
                                 const hash_port& md5) noexcept
        : user_(user), password_(password), md5_(md5) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view challenge) noexcept override;
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return answered_; }
    bool needs_secure_line() const noexcept override { return true; }

  private:
    std::string_view user_;
    std::string_view password_;
    hash_port md5_;
    std::array<char, 32> hex_{};
    bool answered_ = false;
};

#endif

#if POSTRIDER_SCRAM_SHA_256

/// AUTH SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. The server proves that it knows the
/// password too: without that the exchange fails. The texts are lent; they are not prepared by SASLprep,
/// which changes nothing in ASCII.
class scram_sha_256_mechanism final : public mechanism {
  public:
    /// How much work a server may ask for. Fewer iterations make guessing cheap (RFC 7677 4), more keep the
    /// client busy.
    struct limits {
        std::uint32_t least_iterations = 4096;
        std::uint32_t most_iterations = 1'000'000;
    };

    constexpr scram_sha_256_mechanism(std::string_view user, std::string_view password,
                                      const hash_port& sha256, const random_port& random) noexcept
        : scram_sha_256_mechanism(user, password, sha256, random, limits{}) {}
    constexpr scram_sha_256_mechanism(std::string_view user, std::string_view password,
                                      const hash_port& sha256, const random_port& random,
                                      limits work) noexcept
        : user_(user), password_(password), sha256_(sha256), random_(random), limits_(work) {}

    std::string_view name() const noexcept override;
    bool start() noexcept override;
    errc respond(std::string_view challenge) noexcept override;
    std::string_view part(unsigned index) const noexcept override;
    bool may_finish() const noexcept override { return step_ == step::verified; }
    /// It shows no password, but who listens can try passwords against what it shows.
    bool needs_secure_line() const noexcept override { return true; }

  private:
    enum class step : std::uint8_t { failed, first, final, verified };
    using digest = std::array<unsigned char, 32>;
    struct first_message;

    static constexpr std::size_t own_nonce = 24;   // of the nonce, what is ours
    static constexpr std::size_t most_nonce = 160; // ours and the server's
    static constexpr std::size_t most_salt = 66;

    errc answer(std::string_view challenge) noexcept;
    bool prove(std::string_view challenge, const first_message& said) noexcept;
    bool salted(const first_message& said, digest& key) const noexcept;
    bool sign(std::string_view key, std::string_view challenge, digest& signature) const noexcept;
    errc verify(std::string_view challenge) noexcept;

    std::string_view user_;
    std::string_view password_;
    hash_port sha256_;
    random_port random_;
    limits limits_;
    std::array<char, most_nonce> nonce_{};
    std::array<char, 44> proof_{}; // base64
    digest server_signature_{};
    std::uint8_t nonce_size_ = 0;
    step step_ = step::failed;
};

#endif

} // namespace postrider
