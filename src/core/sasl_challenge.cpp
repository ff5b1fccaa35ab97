// CRAM-MD5 and SCRAM-SHA-256. In SCRAM everything that is derived from the password is worked out when the
// server's first message is there, because that message is part of what gets signed and stays nowhere else.
#include "postrider/sasl_challenge.hpp"

#include "sasl_parts.hpp"

#include <cstring>

namespace postrider {

#if POSTRIDER_CRAM_MD5

namespace {

std::string_view one_text(const void* of, unsigned index) noexcept {
    return index == 0 ? *static_cast<const std::string_view*>(of) : sasl::end_of_parts;
}

} // namespace

std::string_view cram_md5_mechanism::name() const noexcept {
    return "CRAM-MD5";
}

bool cram_md5_mechanism::start() noexcept {
    answered_ = false;
    return false;
}

errc cram_md5_mechanism::respond(std::string_view challenge) noexcept {
    std::array<unsigned char, 16> mac{};
    const text_parts message{&challenge, one_text};
    if (answered_ || challenge.empty() || md5_.hmac == nullptr ||
        !md5_.hmac(md5_.context, sasl::present(password_), message, mac.data())) {
        return errc::auth_challenge;
    }
    for (std::size_t i = 0; i < mac.size(); ++i) {
        hex_[2 * i] = "0123456789abcdef"[mac[i] >> 4U];
        hex_[2 * i + 1] = "0123456789abcdef"[mac[i] & 15U];
    }
    answered_ = true;
    return errc::ok;
}

std::string_view cram_md5_mechanism::part(unsigned index) const noexcept {
    const std::array<std::string_view, 3> parts{sasl::present(user_), " ", {hex_.data(), hex_.size()}};
    return index < parts.size() ? parts[index] : sasl::end_of_parts;
}

#endif

#if POSTRIDER_SCRAM_SHA_256

namespace {

using octets = std::string_view;

octets view(const std::array<unsigned char, 32>& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Not left out by the compiler, though nobody reads it again.
void wipe(void* memory, std::size_t size) noexcept {
    auto* const octet = static_cast<volatile unsigned char*>(memory);
    for (std::size_t i = 0; i < size; ++i) {
        octet[i] = 0;
    }
}

template <std::size_t N>
struct wiped_array : std::array<unsigned char, N> {
    ~wiped_array() { wipe(this->data(), N); }
};

template <std::size_t N>
void to_base64(octets from, std::array<char, N>& to) noexcept {
    static_assert(N % 4 == 0);
    for (std::size_t i = 0; i < from.size(); i += 3) {
        const std::size_t left = from.size() - i;
        base64_encode_group(from.data() + i, left < 3 ? static_cast<unsigned>(left) : 3U,
                            to.data() + i / 3 * 4);
    }
}

// In time that does not depend on where they differ.
bool same(const unsigned char* a, const unsigned char* b, std::size_t size) noexcept {
    unsigned differences = 0;
    for (std::size_t i = 0; i < size; ++i) {
        differences |= static_cast<unsigned>(a[i] ^ b[i]);
    }
    return differences == 0;
}

// Takes `NAME=value` off the front of a message, with the comma behind it; data() == nullptr when another
// attribute stands there.
octets take(octets& message, char name) noexcept {
    if (message.size() < 2 || message[0] != name || message[1] != '=') {
        return sasl::end_of_parts;
    }
    std::size_t end = 2;
    while (end < message.size() && message[end] != ',') {
        ++end;
    }
    const octets value{message.data() + 2, end - 2};
    message = text::without(message, end < message.size() ? end + 1 : end);
    return value;
}

// RFC 5802 7: printable ASCII without the comma, which take() has cut at.
bool is_printable(octets s) noexcept {
    for (const char c : s) {
        if (c < '!' || c > '~') {
            return false;
        }
    }
    return true;
}

// A positive number without leading zeros, up to `most`; 0 for everything else.
std::uint32_t number(octets digits, std::uint32_t most) noexcept {
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (!text::is_digit(c) || (value == 0 && c == '0')) {
            return 0;
        }
        value = value * 10 + static_cast<unsigned>(c - '0');
        if (value > most) {
            return 0;
        }
    }
    return static_cast<std::uint32_t>(value);
}

// The salt with the number of PBKDF2's block behind it, or a digest.
octets two_texts(const void* of, unsigned index) noexcept {
    return index < 2 ? static_cast<const octets*>(of)[index] : sasl::end_of_parts;
}

bool hmac(const hash_port& port, octets key, octets message, unsigned char* mac) noexcept {
    const octets texts[] = {message, ""};
    return port.hmac(port.context, key, {texts, two_texts}, mac);
}

// RFC 8018 5.2 for the one block that is as long as the hash.
bool pbkdf2(const hash_port& port, octets password, octets salt, std::uint32_t iterations,
            std::array<unsigned char, 32>& key) noexcept {
    wiped_array<32> u{};
    const octets first[] = {salt, {"\0\0\0\1", 4}};
    bool done = port.hmac(port.context, password, {first, two_texts}, u.data());
    key = u;
    for (std::uint32_t i = 1; done && i < iterations; ++i) {
        done = hmac(port, password, view(u), u.data());
        for (std::size_t j = 0; j < key.size(); ++j) {
            key[j] ^= u[j];
        }
    }
    return done;
}

} // namespace

// What the server's first message says.
struct scram_sha_256_mechanism::first_message {
    octets nonce;
    std::array<char, (most_salt + 2) / 3 * 4> salt; // decoded in place
    std::size_t salt_size = 0;
    std::uint32_t iterations = 0;

    // RFC 5802 5.1: r, s, i in this order; what follows them is unknown to us and may be ignored, an "m" in
    // front may not, and fails here. False for anything else.
    bool read(octets message, const limits& work) noexcept {
        nonce = take(message, 'r');
        const octets encoded = take(message, 's');
        iterations = number(take(message, 'i'), work.most_iterations);
        if (encoded.empty() || encoded.size() > salt.size() || iterations < work.least_iterations ||
            iterations == 0) {
            return false;
        }
        std::memcpy(salt.data(), encoded.data(), encoded.size());
        const std::ptrdiff_t size = base64_decode_in_place(salt.data(), encoded.size());
        salt_size = size > 0 ? static_cast<std::size_t>(size) : 0;
        return size > 0;
    }
};

std::string_view scram_sha_256_mechanism::name() const noexcept {
    return "SCRAM-SHA-256";
}

// Without an initial response the engine asks respond(), which gives up.
bool scram_sha_256_mechanism::start() noexcept {
    std::array<unsigned char, own_nonce / 4 * 3> secret{};
    const bool able = random_.fill != nullptr && sha256_.hmac != nullptr && sha256_.hash != nullptr &&
                      random_.fill(random_.context, secret.data(), secret.size());
    step_ = able ? step::first : step::failed;
    to_base64({reinterpret_cast<const char*>(secret.data()), secret.size()}, nonce_);
    nonce_size_ = own_nonce;
    return able;
}

errc scram_sha_256_mechanism::respond(std::string_view challenge) noexcept {
    const step at = step_;
    step_ = step::failed;
    switch (at) {
    case step::first:
        return answer(challenge);
    case step::final:
        return verify(challenge);
    default:
        return errc::auth_challenge;
    }
}

errc scram_sha_256_mechanism::answer(std::string_view challenge) noexcept {
    first_message said;
    if (!said.read(challenge, limits_) || said.nonce.size() <= own_nonce ||
        said.nonce.size() > nonce_.size() || std::memcmp(said.nonce.data(), nonce_.data(), own_nonce) != 0 ||
        !is_printable(said.nonce) || !prove(challenge, said)) {
        return errc::auth_challenge;
    }
    step_ = step::final;
    return errc::ok;
}

// RFC 5802 3.
bool scram_sha_256_mechanism::prove(std::string_view challenge, const first_message& said) noexcept {
    wiped_array<32> salted_password{};
    wiped_array<32> key{};
    wiped_array<32> stored_key{};
    digest signature{};
    if (!salted(said, salted_password) || !hmac(sha256_, view(salted_password), "Client Key", key.data()) ||
        !sha256_.hash(sha256_.context, view(key), stored_key.data())) {
        return false;
    }
    std::memcpy(nonce_.data(), said.nonce.data(), said.nonce.size());
    nonce_size_ = static_cast<std::uint8_t>(said.nonce.size());
    if (!sign(view(stored_key), challenge, signature)) {
        return false;
    }
    for (std::size_t i = 0; i < signature.size(); ++i) {
        signature[i] ^= key[i];
    }
    to_base64(view(signature), proof_);
    return hmac(sha256_, view(salted_password), "Server Key", key.data()) &&
           sign(view(key), challenge, server_signature_);
}

bool scram_sha_256_mechanism::salted(const first_message& said, digest& key) const noexcept {
    const octets salt{said.salt.data(), said.salt_size};
    const octets password = sasl::present(password_);
    return sha256_.pbkdf2 != nullptr
               ? sha256_.pbkdf2(sha256_.context, password, salt, said.iterations, key.data())
               : pbkdf2(sha256_, password, salt, said.iterations, key);
}

// The signature over the three messages of the exchange, the last without the proof.
bool scram_sha_256_mechanism::sign(std::string_view key, std::string_view challenge,
                                   digest& signature) const noexcept {
    struct exchange {
        octets user, own, challenge, nonce;
        static octets at(const void* of, unsigned index) noexcept {
            const auto& e = *static_cast<const exchange*>(of);
            const std::array<octets, 1> before{"n="};
            const std::array<octets, 6> behind{",r=", e.own, ",", e.challenge, ",c=biws,r=", e.nonce};
            return sasl::part_around(before, e.user, behind, index);
        }
    };
    const exchange all{user_, {nonce_.data(), own_nonce}, challenge, {nonce_.data(), nonce_size_}};
    return sha256_.hmac(sha256_.context, key, {&all, exchange::at}, signature.data());
}

errc scram_sha_256_mechanism::verify(std::string_view challenge) noexcept {
    const octets signature = take(challenge, 'v'); // "e=" says why not
    std::array<char, 44> decoded{};
    if (signature.size() != decoded.size()) {
        return errc::auth_challenge;
    }
    std::memcpy(decoded.data(), signature.data(), signature.size());
    if (base64_decode_in_place(decoded.data(), decoded.size()) !=
            static_cast<std::ptrdiff_t>(server_signature_.size()) ||
        !same(reinterpret_cast<const unsigned char*>(decoded.data()), server_signature_.data(),
              server_signature_.size())) {
        return errc::auth_challenge;
    }
    step_ = step::verified;
    return errc::ok;
}

std::string_view scram_sha_256_mechanism::part(unsigned index) const noexcept {
    const octets nonce{nonce_.data(), nonce_size_};
    if (step_ == step::first) {
        const std::array<octets, 1> before{"n,,n="};
        const std::array<octets, 2> behind{",r=", nonce};
        return sasl::part_around(before, user_, behind, index);
    }
    const std::array<octets, 4> final{"c=biws,r=", nonce, ",p=", {proof_.data(), proof_.size()}};
    return step_ == step::final && index < final.size() ? final[index] : sasl::end_of_parts;
}

#endif

} // namespace postrider
